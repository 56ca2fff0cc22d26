"""Commands that show something, and settings that come as JSON."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic.fields import FieldInfo

from gaittake.cli import main
from gaittake.io.ragged import RaggedWriter
from gaittake.io.tables import write_sequences
from gaittake.sequence import type_of, view_at
from gaittake.settings import SECTIONS, Section, Settings, digest_of, load_settings, settings_text
from tests.cli.conftest import Run, assert_one_line
from tests.conftest import write_cache
from tests.evaluation.plain import write_check
from tests.jobs import stage_settings
from tests.partitions import write_partition

REPOSITORY = Path(__file__).parents[2]


SOURCE = re.compile(
    r"(?:\w+'s )?PAPER(?: \d(?:\.\d)?| eq\. \d+(?:-\d+)?| table \d)?(?:: \w+|, or a peer's .*)?"
    r"|ASSUME(?:: [\w&' ,.-]+)?|torchvision's|CASIA-B's|project default|yours"
)
UNITS = (
    "pixel", "frame", "second", "degree", "step", "people", "subject", "sequence", "part", "strip",
    "bin", "number", "channel", "factor", "share", "exponent", "distance", "seed", "rate",
    "weight", "dimension", "0…1",
)  # fmt: skip


def fields(section: type[Section], name: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yields every field that a YAML may set, with its full name."""
    for key, field in section.model_fields.items():
        yield f"{name}{key}", field
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Section):
                yield from fields(kind, f"{name}{key}.")


def numeric(annotation: object) -> bool:
    """Returns whether the values are numbers, one or several."""
    return annotation in (int, float) or any(numeric(part) for part in get_args(annotation))


def differing(dataset: str) -> dict[str, object]:
    """Returns what `gaittake config` marks as differing from the default, by its full name."""
    text = settings_text(load_settings(REPOSITORY / "config" / f"{dataset}.yaml"))
    marked = re.sub(r": (.+?)  # .*DIFFERS from the default.*", r": [DIFFERS, \1]", text)
    found: dict[str, object] = {}

    def walk(section: dict[str, object], name: str) -> None:
        for key, value in section.items():
            if isinstance(value, dict):
                walk(value, f"{name}{key}.")
            elif isinstance(value, list) and value and value[0] == "DIFFERS":
                found[f"{name}{key}"] = value[1]

    walk(yaml.safe_load(marked), "")
    return found


def test_every_setting_says_what_it_is_its_unit_and_its_source() -> None:
    found = dict(fields(Settings))
    found |= {f"{n}.{key}": f for n, section in SECTIONS.items() for key, f in fields(section)}
    assert {"train.margin", "methods.model", "pose.finetune.mirror", "gaitset.bins"} <= set(found)
    for name, field in found.items():
        if isinstance(field.default, Section) and not field.description:
            assert type(field.default).__doc__, name
            continue
        what, _, source = (field.description or "").rpartition("; ")
        assert what, f"{name}: what it is"
        assert SOURCE.fullmatch(source), f"{name}: where its value comes from, found {source!r}"
        if numeric(field.annotation):
            assert any(unit in what for unit in UNITS), f"{name}: its unit, found {what!r}"


def test_config_prints_yaml_that_reads_back_as_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in sorted((REPOSITORY / "config").glob("*.yaml")):
        write_partition(path, tmp_path)
        settings = load_settings(path, ("train.learning_rate=0.00001",))
        text = settings_text(settings)
        assert Settings.model_validate(yaml.safe_load(text)) == settings
        assert "DIFFERS from the default 0.0001" in text
        assert "# P, subjects per batch; PAPER 4.1" in text


def test_config_prints_every_setting_with_its_description(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gaittake", "config", "tiny"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    for name, field in fields(Settings):
        if not name.startswith("methods."):
            key, text = name.rpartition(".")[2], re.escape(field.description or "")
            assert re.search(rf"^ *{key}:.*  # .*{text}", said, re.MULTILINE), name


def test_config_prints_what_a_method_resolves_to(run: Run) -> None:
    methods = "{mine: {model: {keypoints: false}, train: {steps: 9}}, gaittake: {}}"
    text = settings_text(load_settings(Path("config/tiny.yaml"), (f"methods={methods}",)))
    rows = text[text.index("\n  mine:") : text.index("\n  gaittake:")].splitlines()
    assert '    # model, resolved: {"keypoints": false}' in rows
    assert '    # train, resolved: {"steps": 9}' in rows
    assert "resolved" not in text[text.index("\n  gaittake:") :]


def test_the_casiab_preset_differs_from_the_defaults_by_paths_views_and_mirrored_frames() -> None:
    assert differing("casiab") == {
        "fps": 25,
        "source.silhouettes": ["data/casiab/silhouettes"],
        "source.videos": ["data/casiab/DatasetB-1/video", "data/casiab/DatasetB-2/video"],
        "protocol.views": [f"{view:03d}" for view in range(0, 181, 18)],
        "pose.finetune.mirror": True,
        "pose.finetune.steps": 18_000,
    }


def test_the_oumvlp_preset_differs_from_casiabs_by_what_the_paper_and_the_data_say() -> None:
    assert differing("oumvlp") == {
        "fps": 25,
        "shard_subjects": 100,
        "source.layout": "oumvlp",
        "source.silhouettes": ["data/oumvlp"],
        "protocol.train_subjects": ["00001..10305..2"],
        "protocol.test_subjects": ["00002..10306..2", "10307"],
        "protocol.gallery": ["nm-01"],
        "protocol.probes": {"nm": ["nm-00"]},
        "protocol.views": [f"{view:03d}" for view in (*range(0, 91, 15), *range(180, 271, 15))],
        "pose.student_from": "casiab",
        "model.channels": [32, 64, 128, 128, 256, 256],
        "model.strips": 2,
        "model.embedding": 256,
        "size": "oumvlp",
        "train.steps": 210_000,
        "train.milestones": [150_000],
    }


def test_a_stage_run_by_hand_computes_what_the_workflow_computes(run: Run) -> None:
    settings = load_settings(Path("config/tiny.yaml"))
    record = stage_settings(settings, "evaluate", method="gei")
    with RaggedWriter(
        Path("embeddings.h5"),
        kind="embeddings",
        arrays={"embeddings": ("float32", (2, 3))},
    ) as out:
        generator = np.random.default_rng(0)
        for subject in ("003", "004"):
            for condition, number in [("nm", n) for n in range(1, 7)] + [("bg", 1), ("cl", 2)]:
                for view in (36, 90):
                    vector = generator.random((1, 2, 3), dtype=np.float32)
                    out.append(
                        (subject, type_of(condition, number), view_at(view)),
                        embeddings=vector,
                    )
    Path("rejects.csv").write_text("stage,path,reason,used\n")
    write_check(Path("check.json"))
    write_sequences([], Path("sequences.csv"))
    files = ("--embeddings", "embeddings.h5", "--rejects", "rejects.csv", "--check", "check.json")
    files += ("--sequences", "sequences.csv")
    given = ("--out", "given/metrics.json", "--out-rank1", "given/rank1.csv")
    given += ("--out-probes", "given/probes.csv")
    given += ("--method", "gei", "--settings-digest", digest_of(record))
    assert run("evaluate", "tiny", *files, *given)[0] == 0
    assert run("evaluate", "tiny", "--method", "gei", *files)[0] == 0
    by_hand, given_out = (
        json.loads(Path(path, "metrics.json").read_text()) for path in ("results/tiny/gei", "given")
    )
    assert by_hand["provenance"].pop("date") <= datetime.now(UTC).isoformat()
    del given_out["provenance"]["date"]  # may be a second earlier
    for metrics in (by_hand, given_out):
        assert metrics["provenance"].pop("search_cpu_seconds") > 0
    assert by_hand == given_out


def test_inspect_tells_what_is_inside_any_file(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cache(Path("some.h5"), subjects=4, walks=3)
    monkeypatch.setattr(sys, "argv", ["gaittake", "inspect", str(path)])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    for text in (
        "kind: cache",
        "schema: 3",
        "array silhouettes: uint8[120, 16, 8]",
        "array keypoints: float32[120, 17, 3]",
        "12 sequences of 4 subjects",
        "120 frames, 9 to 11 in a sequence",
        "by type: nm-01 4, nm-02 4, nm-03 4",
        "by view: 090 12",
        "by subject: 001 3, 002 3, 003 3, 004 3",
    ):
        assert text in said
    path.write_bytes(b"no HDF5")
    assert_one_line(run("inspect", str(path)), "some.h5", "not a readable HDF5 file")


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_table_of_rendered_people_says_so(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, synthetic: bool
) -> None:
    metrics = Path("results/tiny/gei/metrics.json")
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"synthetic": synthetic, "note": "said beside it"}))
    row = {"dataset": "tiny", "method": "gei", "condition": "nm", "036": "12.50", "mean": "12.50"}
    pd.DataFrame([row]).to_csv("results/tiny_rank1.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["gaittake", "table", "results/tiny_rank1.csv"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    assert ("synthetic" in said) is synthetic
    assert "said beside it" in said
    assert "36°" in said
    assert "12.50" in said
    assert str(metrics) in said
