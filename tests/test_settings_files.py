"""Settings files as users write them: each is read as meant, or refused in one line."""

import re
from pathlib import Path
from typing import Any

import pytest

from gaittake.errors import UserError
from gaittake.pipeline.subjects import train_subjects
from gaittake.protocol import expand
from gaittake.settings import Settings, load_settings
from gaittake.settings.parse import parse_yaml

OWN = "source: {layout: folder, silhouettes: [somewhere]}\n"


def load(folder: Path, text: str | bytes, *overrides: str, name: str = "mine.yaml") -> Settings:
    """Returns the settings of a file with this content."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(path, overrides)


def refusal(folder: Path, text: str | bytes, *overrides: str) -> str:
    """Returns the message that refuses a file; it is one line and starts with the file's path."""
    with pytest.raises(UserError) as error:
        load(folder, text, *overrides)
    message = str(error.value)
    assert "\n" not in message
    if not overrides:
        assert message.startswith(str(folder / "mine.yaml"))
    return message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("036", 36),
        ("-007", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e-4", 1e-4),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("80_000", "80_000"),
        ("2026-01-31", "2026-01-31"),
        ("0b11", "0b11"),
        ("=", "="),
        ("'001'", "001"),
        ("!!str 001", "001"),
        ("[a, 'b c', {d: 1}]", ["a", "b c", {"d": 1}]),
    ],
)
def test_plain_values_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    found = parse_yaml(text, "x")
    assert found == value
    assert isinstance(found, type(value))


def test_numbers_remember_their_spelling_and_keys_are_text() -> None:
    assert [str(item) for item in parse_yaml("[001, 0o17, 1.50, 1e5]", "x")] == [
        "001",
        "0o17",
        "1.50",
        "1e5",
    ]
    found = parse_yaml("{1: a, 007: b, on: c, true: d, null: e}", "x")
    assert list(found) == ["1", "007", "on", "true", "null"]


def test_merge_keys_add_what_a_section_does_not_set_itself() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 5}\nd: {<<: *b}"
    found = parse_yaml(text, "x")
    assert found["c"] == {"x": 5, "y": 2, "z": 4}
    assert found["d"] == {"y": 3, "z": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "train: {steps: 1}\nseed: 1\ntrain: {frames: 2}",
            "'train' is set twice, in line 1 and in line 3",
        ),
        ("train:\n  steps: 1\n  steps: 2", r"'train\.steps' is set twice, in line 2 and in line 3"),
        ("train: {steps: 1, 'steps': 2}", r"'train\.steps' is set twice"),
        ("train:\n\tsteps: 1", "line 2: indent with spaces, not with tabs"),
        ("train: !!python/object/apply:os.system [ls]", "line 1: remove the tag !!python/object"),
        ("note: !!binary aGk=", "remove the tag !!binary"),
        ("note: !secret x", "remove the tag !secret"),
        ("seed: !!int one", "'one' is no int"),
        ("a: &a [*a]", "'a' contains itself"),
        ("? [a]\n: 1", "a name is required before the colon"),
        ("train: {<<: 1}", "'<<' needs a section"),
        ("seed: 1\n---\nseed: 2", "line 2: .*another document"),
        ("note: 'open", "line 1: .*unexpected end"),
        ("note: a: b", "line 1: mapping values are not allowed"),
        ("train: {steps: [", "not valid YAML: line 1"),
        ("note: \x07", "not valid YAML: .*special characters"),
        ("- a\n- list", "names and values are required"),
        ("just text", "names and values are required"),
        (b"seed: 1\nnote: J\xf6rg", "line 2 has a byte that is not UTF-8 .0xf6."),
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert re.search(message, refusal(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# nothing but a comment\n",
        b"---\n...\n",
        b"\xef\xbb\xbfseed: 0\n",
        b"seed: 0\r\nnote: ''\r\n",
        "seed: 0\n".encode("utf-16"),
        b"train:\nwalkers:\n",
    ],
)
def test_empty_files_marks_and_line_ends_of_other_systems_are_read(
    tmp_path: Path, text: bytes
) -> None:
    assert load(tmp_path, text) == Settings(dataset="mine")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("[001, 010]", ["001", "010"]),
        ("[1, 1.50, 1e5, 1_0]", ["1", "1.50", "1e5", "1_0"]),
        ("[no, off, y, 2026-01-31, 1:30]", ["no", "off", "y", "2026-01-31", "1:30"]),
        ("['true', 'null']", ["true", "null"]),
        ("[Jörg, 张三]", ["Jörg", "张三"]),
        ("[p01..p02, p02..p03, p01]", ["p01", "p02", "p03"]),
        ("[01 .. 03]", ["01", "02", "03"]),
        ("[9..11]", ["9", "10", "11"]),
        ("[5..5]", ["5"]),
    ],
)
def test_subjects_are_named_as_the_file_spells_them(
    tmp_path: Path, names: str, expected: list[str]
) -> None:
    settings = load(tmp_path, f"{OWN}protocol: {{train_subjects: {names}}}")
    assert train_subjects(settings) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("protocol: {train_subjects: [true]}", "train_subjects.*put a name in quotes"),
        ("train: {mirror: true}", "train.mirror.*set a number"),
        ("protocol: {train_subjects: [null]}", "train_subjects.*text is required, found null"),
        ("protocol: {train_subjects: ['']}", "train_subjects.*not the name of a subject's folder"),
        ("protocol: {train_subjects: [a/b]}", "'a/b' is not the name"),
        ("protocol: {train_subjects: ['..']}", "a range is first..last"),
        ("protocol: {train_subjects: 001}", "train_subjects.*a list is required"),
        ("protocol: {test_subjects: [p03..p01]}", "test_subjects.*ends before it starts"),
        ("protocol: {test_subjects: [p01..p03..0]}", "test_subjects.*step is 0"),
        ("protocol: {test_subjects: [p01..p03..x]}", "test_subjects.*a range is first..last"),
        ("protocol: {test_subjects: [p01..p03..-1]}", "test_subjects.*a range is first..last"),
        ("protocol: {test_subjects: [1..010]}", "the same number of digits"),
        ("protocol: {test_subjects: [001…010]}", "a range is first..last"),
        ("protocol: {test_subjects: [0..99999999999]}", "at most 1,000,000"),
        ("protocol: {gallery: [nm-1]}", "gallery.*did you mean 'nm-01'"),
        ("protocol: {gallery: [nm-1..nm-4]}", "gallery.*did you mean 'nm-01'"),
        ("protocol: {gallery: [nm]}", "gallery.*'nm' is not a sequence"),
        ("protocol: {gallery: [nm-04..nm-01]}", "gallery.*ends before it starts"),
        ("protocol: {gallery: []}", "gallery.*at least 1 is required"),
        ("protocol: {probes: {nm: [nm_02]}}", "probes.*'nm_02' is not a sequence"),
        ("protocol: {probes: {nm: []}}", "probes.nm.*at least 1 is required"),
        (
            "protocol: {gallery: [nm-01], probes: {nm: [NM-02]}}",
            "'nm' and 'NM' differ only in case",
        ),
        ("protocol: {views: [0..180..18]}", "views.*have no ranges; list each view"),
        ("protocol: {views: [true]}", "views.*true and false are not allowed"),
        ("protocol: {views: [-18]}", "views.*-18 is not a view"),
        ("protocol: {views: [360]}", "views.*360 is not a view: whole degrees"),
        ("protocol: {views: [90.5]}", "views.*90.5 is not a view"),
        ("protocol: {views: [a/b]}", "views.*not the name of a view's folder"),
        ("protocol: {gallery: [a/b]}", "gallery.*not the name of a sequence's folder"),
        ("protocol: {comparison: [views, x]}", "'views', 'gallery', 'reid' or 'gait'"),
        ("protocol: {galleries: {xx: [nm-01]}}", "galleries.xx: protocol.probes has no such"),
        ("protocol: {galleries: {nm: [nm-05]}}", "nm-05: gallery and probe"),
        ("protocol: {probes: {all: [partition]}}", "'partition' needs .* a list PROBE_SET"),
        ("protocol: {gallery: [partition]}", "'partition' needs .* a list GALLERY_SET"),
        ("protocol: {submission: {header: [videoId]}}", "two columns or more are required"),
        ("protocol: {views: 90}", "views.*a list is required"),
        ("walkers: {views: []}", "views.*at least 1 is required"),
        ("seed: true", "'seed': true and false are not allowed"),
        ("train: {margin: .nan}", "margin.*a finite number is required"),
        ("train: {learning_rate: .inf}", "learning_rate.*a finite number is required"),
        ("train: {steps: 1:30}", "steps.*a whole number is required, found '1:30'"),
        ("train: {steps: 1.5}", "steps.*a whole number is required, found 1.5"),
        ("train: {neck: maybe}", "neck.*true or false is required"),
        ("train: 5", "'train': names with values are required"),
        ("model: [1]", "'model': names with values are required"),
        ("tables: {My_Table: [gei]}", "tables.My_Table: a table's name has a-z and 0-9 only"),
        ("tables: {my_table: [gei]}", "tables.my_table: a table's name"),
        ("tables: {mine: []}", "tables.mine.*at least 1 is required"),
        ("tables: {mine: gei}", "tables.mine.*a list is required"),
        ("methods: {}", "methods.*at least 1 is required"),
        ("methods: {Mine: {}}", "methods.Mine: a method's name has a-z, 0-9 and _ only"),
        ("methods: {chance: {}}", "methods.chance: .*chance level"),
        ("methods: {pose: {}}", "methods.pose: results/.*/pose/ holds the files of a stage"),
        ("methods: {a: {network: gei, train: {steps: 4}}}", "train: gei is not trained; remove"),
        ("seeds: []", "'seeds': at least 1 is required, found \\[\\]$"),
        ("seeds: [-1]", "'seeds.0': it must be greater than or equal to 0, found -1$"),
        ("seeds: [0..2]", "'seeds.0': a whole number is required, found '0..2'$"),
        ("seed: 20261130123456", "'seed': it must be less than 4294967296"),
        ("dataset: other", "remove 'dataset'; the file's name is the dataset's name"),
        ("model: {strips: 7}", r"methods.gaittake: model.strips is 7, .* use 1, 2, 4, 8, 16, 32"),
        ("align: {height: 40}", r"methods.gaittake: model.strips is 8, .* 20 rows .*align.height"),
        (
            "methods: {a: {network: gaitset, model: {bins: [16, 5]}}}",
            r"methods.a: model.bins is \[16, 5\], of which 5",
        ),
        (
            "methods: {gei: {network: gei}}\ntables: {mine: [gei, gaitpart]}\nalign: {height: 48}",
            "methods.gaitpart: model.strips is",
        ),
        (
            "methods: {a: {network: gaitpart, model: {channels: [8, 16]}}}",
            r"'methods.a.model': strips: one number for each of the 2 channels is required, found",
        ),
        (
            "methods: {a: {network: gaitpart, model: {squeeze: 129}}}",
            "'methods.a.model': squeeze: 129 is above the last of channels, 128; lower it",
        ),
        (
            "methods: {a: {network: gaitbase, model: {neck: true}, train: {neck: false}}}",
            "methods.a: model.neck: .* BNNeck, which is not trained: set train.neck: true",
        ),
        ("methods: {a: {network: gaitgl, model: {head: bnneck}}}", "methods.a: model.head: .*BNN"),
        (
            "methods: {a: {keypoints: truth}}",
            "methods.a: keypoints: 'truth' are the renderer's, .*",
        ),
        ("pose: {keypoints: truth}", "pose.keypoints: 'truth' .* found 'folder'; set it to 'pred"),
        (
            "methods: {gaitset: {}}",
            "methods.gaitset: this is the name of a network, found network 'ga",
        ),
        ("methods: {mirror: {train: {stepz: 1}}}", r"did you mean 'train.steps'\?"),
        (
            "networks_from: ../other",
            "'networks_from': a dataset's name is that of its file in config",
        ),
        ("networks_from: [other]", r"'networks_from': text is required, found \['other'\]"),
        ("pose: {student_from: a b}", "'pose.student_from': a dataset's name is that of its file"),
        (
            "pose: {detector: {min_size: 64, max_size: 32}}",
            "min_size: 64, the shorter side, is abo",
        ),
        (
            "walkers: {training_sequences: [1, 1]}",
            "sequences.2': a value is required here",
        ),
        ("protocol: {test_subjects: []}", "'protocol.test_subjects': at least 1 is required"),
        (
            "protocol: {train_subjects: []}",
            r"protocol.train_subjects: methods.gaittake is trained .* found \[\]; name them",
        ),
        (
            "protocol: {train_subjects: []}\nmethods: {gei: {network: gei}}\npose: {labels: [a]}",
            r"train_subjects: the student .* found \[\]; name them, or set pose.student_from",
        ),
        (
            "protocol: {probes: {'a|b': [nm-02]}}",
            r"'a\|b' cannot name a condition: tables require text",
        ),
        ("protocol: {probes: {'': [nm-02]}}", "'' cannot name a condition"),
        ('protocol: {probes: {"a\\nb": [nm-02]}}', "'a.nb' cannot name a condition"),
        (
            "pose: {teacher_weights: walkers, labels: [found.json]}",
            "teacher_weights: 'walkers' requires pose.detector.backbone 'small', found 'resnet50'",
        ),
        (
            "pose: {detector: {backbone: small}, labels: [found.json]}",
            "'coco' requires pose.detector.backbone 'resnet50', found 'small'; set that, or",
        ),
    ],
)
def test_values_that_cannot_work_are_refused_when_they_are_read(
    tmp_path: Path, text: str, message: str
) -> None:
    content = text if text.startswith("source") else OWN + text
    assert re.search(message, refusal(tmp_path, content))


@pytest.mark.parametrize(
    "text",
    [
        "methods: {a: {network: gaitbase, model: {neck: true}}}",  # whose recipe trains the BNNeck
        "methods: {a: {network: gaitgl, model: {head: bnneck}, weights: theirs.safetensors}}",
        "model: {silhouettes: false, shrink: 60}",
        "methods: {gei: {network: gei}}\nalign: {height: 47}",
        "align: {height: 128, width: 88}",
        "pose: {teacher_weights: of_my_own.pt, detector: {backbone: small}, labels: [found.json]}",
        "pose: {student_from: walkers, detector: {backbone: small}}",
        "protocol: {train_subjects: []}\nmethods: {gei: {network: gei}}\npose: {keypoints: none}",
    ],
)
def test_what_only_looks_wrong_is_read(tmp_path: Path, text: str) -> None:
    load(tmp_path, OWN + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "source: {layout: casiab}\nprotocol: {train_subjects: [1..74]}",
            "subject '1' cannot be in",
        ),
        (
            "source: {layout: oumvlp}\nprotocol: {test_subjects: [001..003]}",
            "subject '001' cannot be in source.layout 'oumvlp', which names them as 00001",
        ),
        ("protocol: {gallery: [NM-01], probes: {cl: [CL-01]}}", "condition 'NM' cannot be in"),
        (
            "source: {layout: walkers}\nprotocol: {test_subjects: [recorded, '001']}",
            "'recorded' must be the only entry",
        ),
        (
            "source: {layout: walkers}\nprotocol: {train_subjects: [p01..p09]}",
            "subject 'p01' cannot be in source.layout 'walkers', which names them as 001",
        ),
    ],
)
def test_names_that_the_layout_never_has_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in refusal(tmp_path, text)


def test_values_that_mean_one_thing_are_understood(tmp_path: Path) -> None:
    text = """
seed: 007
seeds: [0, 0, 1]
note: 36
train: {steps: 80_000, mirror: 5e-1, neck: off, learning_rate: 1e-3}
protocol: {views: [036, 054, 36], probes: {on: [nm-05], off: [nm-06]}}
tables: {mine: [gei, gei, mirror]}
"""
    settings = load(tmp_path, text)
    assert (settings.seed, settings.seeds, settings.note) == (7, (0, 1), "36")
    train = settings.train
    assert (train.steps, train.mirror, train.neck, train.learning_rate) == (
        80_000,
        0.5,
        False,
        1e-3,
    )
    assert settings.protocol.views == ("036", "054")
    assert list(settings.protocol.probes) == ["on", "off"]
    assert settings.rows("mine") == ("gei", "mirror")


def test_overrides_are_read_by_the_same_rules(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "train:\n", "protocol.views=[036]", "pose.proposals=on", "train.steps=1_000"
    )
    assert settings.protocol.views == ("036",)
    assert (settings.pose.proposals, settings.train.steps) == (True, 1000)
    for wrong in ("train={steps: 1, steps: 2}", "seed=!!python/name:os.getcwd x", "seed=[1,"):
        assert refusal(tmp_path, "", wrong).startswith(f"--set {wrong}: ")


def test_an_override_of_one_method_keeps_the_others(tmp_path: Path) -> None:
    usual = load(tmp_path, "", "methods.gaittake.train.margin=0.3")
    assert list(usual.methods) == ["gei", "gaittake"]
    assert usual.method_train("gaittake").margin == 0.3
    own = load(tmp_path, "methods: {a: {network: gaitset}}", "methods.b.network=gei")
    assert list(own.methods) == ["a", "b"]


def test_an_override_of_the_lender_borrows_from_it(tmp_path: Path) -> None:
    load(tmp_path, "train: {steps: 5}\nmodel: {clip_length: 4}", name="lender.yaml")
    settings = load(tmp_path, "", "train.margin=0.3", "networks_from=lender")
    assert (settings.train.steps, settings.train.margin) == (5, 0.3)
    assert settings.model.clip_length == 4
    assert load(tmp_path, "networks_from: none", "networks_from=null").networks_from is None


def test_home_and_variables_are_expanded_in_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.delenv("NOWHERE", raising=False)
    text = (
        "source: {silhouettes: ['~/a', $HOME/b, '${DATA}/c'], videos: [~]}\n"
        "walkers: {recorded: ~/walks.npz}\npose: {teacher_weights: $DATA/teacher.pt}"
    )
    settings = load(tmp_path, text.replace("[~]", "['~']"))
    assert settings.source.silhouettes == (tmp_path / "a", tmp_path / "b", Path("/data/c"))
    assert settings.source.videos == (tmp_path,)
    assert settings.walkers.recorded == tmp_path / "walks.npz"
    assert settings.pose.teacher_weights == "/data/teacher.pt"
    missing = refusal(tmp_path, "source: {silhouettes: [$NOWHERE/x]}")
    assert "the environment variable $NOWHERE is not set" in missing
    assert "a path is required" in refusal(tmp_path, "source: {silhouettes: ['']}")
    assert "unknown" in refusal(tmp_path, "source: {silhouettes: ['~nobody-of-this-name/x']}")


def test_a_folder_whose_name_has_a_dollar_sign_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "$NOWHERE"
    folder.mkdir()
    settings = load(tmp_path, f"source: {{silhouettes: ['{folder}']}}")
    assert settings.source.silhouettes == (folder,)


def test_both_endings_of_yaml_are_found_but_not_side_by_side(tmp_path: Path) -> None:
    load(tmp_path, "seed: 3", name="one.yml")
    assert load_settings(tmp_path / "one.yaml").seed == 3
    load(tmp_path, "networks_from: one", name="two.yaml")
    with pytest.raises(UserError, match="datasets there: one, two"):
        load_settings(tmp_path / "three.yaml")
    (tmp_path / "one.yaml").write_text("seed: 4")
    with pytest.raises(UserError, match=r"one\.yaml and one\.yml describe one dataset"):
        load_settings(tmp_path / "one.yaml")


@pytest.mark.parametrize("name", ["my data", "-x", "..", "ä"])
def test_a_file_name_that_no_target_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"dataset '{name}': rename the file"):
        load(tmp_path, "", name=f"{name}.yaml")


def test_a_lender_with_a_number_as_its_name_is_read(tmp_path: Path) -> None:
    load(tmp_path, "train: {steps: 5}", name="124.yaml")
    settings = load(tmp_path, "networks_from: 124")
    assert (settings.networks_from, settings.train.steps) == ("124", 5)


def test_each_name_of_overlapping_ranges_counts_once_in_the_first_order() -> None:
    assert expand(["03..05", "01..04"]) == ["03", "04", "05", "01", "02"]
