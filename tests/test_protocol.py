"""Partition files, and the selection of sequences by names."""

from typing import Any

import pytest

from gaittake.errors import UserError
from gaittake.protocol import Partition, read_partition, selection


def test_a_partition_lists_subjects_probes_and_gallery() -> None:
    content = {
        "TRAIN_SET": ["001", "002", "001"],
        "TEST_SET": ["075", "probe"],
        "PROBE_SET": ["075-camid3_videoid2-seq0"],
    }
    assert read_partition(content, "p.json") == Partition(
        ("001", "002"), ("075", "probe"), ("075-camid3_videoid2-seq0",), ()
    )
    both = content | {"GALLERY_SET": ["075-nm-01-000"]}
    assert read_partition(both, "p.json").gallery == ("075-nm-01-000",)
    assert read_partition(content | {"TRAIN_SET": []}, "p.json").train == ()  # nothing to train


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "p.json: 'TRAIN_SET' is not a list of names"),
        ({"TRAIN_SET": ["1"]}, "p.json: 'TEST_SET' is not a list of names"),
        ({"TRAIN_SET": ["1"], "TEST_SET": ["2"], "PROBE_SET": {}}, "'PROBE_SET' is not a list"),
        ({"TRAIN_SET": ["1"], "TEST_SET": [2]}, "'TEST_SET' is not a list of names"),
        ({"TRAIN_SET": ["1"], "TEST_SET": []}, "TEST_SET is empty"),
        ({"TRAIN_SET": ["1", "2"], "TEST_SET": ["2"]}, r"\['2'\] in TRAIN_SET and TEST_SET"),
    ],
)
def test_a_faulty_partition_is_one_line(content: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_partition(content, "p.json")


def test_names_select_types_and_the_partitions_single_sequences() -> None:
    found = [("001", "a-1", "v_-15"), ("001", "a-2", "v"), ("001-a", "1", "v_-15")]
    assert selection(found, ["a-2"]) == [False, True, False]
    assert selection(found, ["a-[12]"]) == [True, True, False]
    listed = ["001-a-1-v_-15"]  # two sequences have this name: both are meant
    assert selection(found, ["partition"], listed) == [True, False, True]
    assert selection(found, ["a-2"], listed) == [False, True, False]
    assert selection([], ["a-2"]) == []
