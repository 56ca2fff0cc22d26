"""Settings: presets, methods, tables, and the record of each stage."""

import re
from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.models import build_network
from gaittake.pipeline import subjects
from gaittake.pipeline.job import method_of, runs
from gaittake.pipeline.subjects import held_out, shards, train_subjects
from gaittake.protocol import expand
from gaittake.settings import Settings, Source, canonical, changed, load_settings
from gaittake.settings.dataset import FOLDERS
from tests.jobs import stage_settings
from tests.partitions import write_partition

CONFIG = Path(__file__).parents[1] / "config"


def write(where: Path, text: str) -> Path:
    path = where / "mine.yaml"
    path.write_text(text)
    return path


def test_the_casiab_preset_is_the_papers_protocol_and_network() -> None:
    settings = load_settings(CONFIG / "casiab.yaml")
    assert train_subjects(settings) == [f"{i:03d}" for i in range(1, 75)]
    assert subjects.test_subjects(settings) == [f"{i:03d}" for i in range(75, 125)]
    assert expand(settings.protocol.gallery) == ["nm-01", "nm-02", "nm-03", "nm-04"]
    probes = {name: expand(names) for name, names in settings.protocol.probes.items()}
    assert probes == {
        "nm": ["nm-05", "nm-06"],
        "bg": ["bg-01", "bg-02"],
        "cl": ["cl-01", "cl-02"],
    }
    train = settings.method_train("gaittake")
    batch = (train.subjects_per_batch, train.sequences_per_subject, train.frames)
    assert batch == (8, 8, 30)
    assert (train.steps, train.milestones, train.learning_rate) == (80_000, (70_000,), 1e-4)
    network = build_network("gaittake", **settings.method_model("gaittake").model_dump())
    assert sum(weight.numel() for weight in network.parameters()) == 49_046_819


def test_the_oumvlp_preset_is_the_papers_protocol_and_network() -> None:
    settings = load_settings(CONFIG / "oumvlp.yaml")
    train, tested = train_subjects(settings), subjects.test_subjects(settings)
    assert (len(train), len(tested)) == (5153, 5154)
    assert all(int(name) % 2 == 1 and len(name) == 5 for name in train)
    assert tested[-2:] == ["10306", "10307"]
    model = settings.method_model("gaittake")
    assert (len(model.channels) - 1, model.strips, model.embedding) == (5, 2, 256)
    assert len(shards(settings)) == 52 + 52


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIG.glob("*.yaml")))
def test_no_preset_trains_on_a_test_subject(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CONFIG / f"{name}.yaml"
    monkeypatch.chdir(tmp_path)
    write_partition(path, tmp_path)
    settings = load_settings(path)
    if settings.protocol.test_subjects == ("recorded",):
        assert all(subject.isdecimal() for subject in train_subjects(settings))
        return
    tested = set(subjects.test_subjects(settings))
    if lent := settings.networks_from:
        assert not train_subjects(settings)
        assert not tested & set(train_subjects(load_settings(CONFIG / f"{lent}.yaml")))
        return
    learning = [name for name, method in settings.methods.items() if method.learns]
    stages: list[tuple[str, dict[str, str]]] = [("train", {"method": name}) for name in learning]
    if settings.keypoints_from != "none":
        training = (shard for shard in shards(settings) if shard.startswith("train"))
        stages += [("finetune", {}), *(("pseudo-label", {"shard": shard}) for shard in training)]
    assert stages
    for stage, options in stages:
        section = stage_settings(settings, stage, **options)
        assert not tested & set(section.subjects)  # type: ignore[attr-defined]
    assert not tested & set(held_out(settings))
    assert set(held_out(settings)) < set(train_subjects(settings))


def test_subjects_in_both_lists_are_refused() -> None:
    settings = Settings.model_validate(
        {
            "dataset": "x",
            "protocol": {"train_subjects": ["001..004"], "test_subjects": ["004..006"]},
        }
    )
    with pytest.raises(UserError, match=r"\['004'\] train and test"):
        subjects.test_subjects(settings)


def test_ranges_are_written_out() -> None:
    assert expand(("001..003", "009", "02..08..3")) == [
        "001",
        "002",
        "003",
        "009",
        "02",
        "05",
        "08",
    ]
    assert expand(("nm-01..nm-02",)) == ["nm-01", "nm-02"]
    for wrong in ("001..x", "nm-01..bg-02", "1..2..3..4"):
        with pytest.raises(UserError, match="range"):
            expand((wrong,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {stepz: 3}", "'train.stepz' is not a setting"),
        ("train: {steps: 0}", "'train.steps': .*greater than or equal to 1, found 0"),
        ("methods: {mine: {train: {steps: 0}}}", r"train\.|steps"),
        ("methods: {Mine!: {}}", "a method's name has a-z"),
        ("- a list", "names and values are required"),
        ("train: {steps: [", "not valid YAML"),
    ],
)
def test_an_error_in_a_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load_settings(write(tmp_path, text))
    assert "\n" not in str(error.value)
    assert "mine.yaml" in str(error.value)


def test_the_message_about_a_missing_file_lists_the_others(tmp_path: Path) -> None:
    write(tmp_path, "seed: 1")
    with pytest.raises(UserError, match=r"none\.yaml: there is no such settings file.*mine"):
        load_settings(tmp_path / "none.yaml")


def test_overrides_change_one_setting_each(tmp_path: Path) -> None:
    path = write(tmp_path, "train: {steps: 5, margin: 0.3}")
    settings = load_settings(path, ("train.steps=7", "pose.detector.min_size=64"))
    assert (settings.train.steps, settings.train.margin) == (7, 0.3)
    assert settings.pose.detector.min_size == 64
    for wrong in ("train.steps", "=3", "seed.x=3", "seed=[1,"):
        with pytest.raises(UserError, match="--set"):
            load_settings(write(tmp_path, "seed: 1"), (wrong,))


def test_a_method_sets_only_what_differs(tmp_path: Path) -> None:
    text = "train: {steps: 50}\nmethods: {a: {}, b: {model: {keypoints: false}, train: {steps: 9}}}"
    settings = load_settings(write(tmp_path, text))
    assert (settings.method_train("a").steps, settings.method_train("b").steps) == (50, 9)
    assert (settings.method_model("a").keypoints, settings.method_model("b").keypoints) == (
        True,
        False,
    )


def test_a_stage_gets_its_own_settings_and_no_others() -> None:
    # With published results, evaluate states which settings differ from the published ones.
    one = Settings(dataset="x", source=Source(layout="walkers"))
    other = one.model_copy(update={"train": one.train.model_copy(update={"learning_rate": 1e-2})})
    for stage, options in (
        ("index", {"shard": "train-000"}),
        ("predict", {}),
        ("cache", {}),
        ("embed", {"method": "gaittake"}),
        ("evaluate", {"method": "gaittake"}),
    ):
        same = [canonical(stage_settings(s, stage, **options)) for s in (one, other)]
        assert same[0] == same[1]
    trained = [canonical(stage_settings(s, "train", method="gaittake")) for s in (one, other)]
    assert trained[0] != trained[1]


@pytest.mark.parametrize("weights", ["coco", "walkers"])
def test_a_teacher_that_is_not_trained_reads_no_training(tmp_path: Path, weights: str) -> None:
    pose = f"pose: {{teacher_weights: {weights}, detector: {{backbone: small}}, "
    texts = [pose + end for end in ("}", "teacher: {steps: 7}}\nseed: 3", "boxes: silhouette}")]
    records = {
        canonical(stage_settings(load_settings(write(tmp_path, text)), "teacher")) for text in texts
    }
    assert len(records) == (1 if weights == "coco" else 3)


def test_another_order_of_the_methods_makes_the_table_again(tmp_path: Path) -> None:
    orders = ("{gei: {network: gei}, gaittake: {}}", "{gaittake: {}, gei: {network: gei}}")
    records = [
        canonical(
            stage_settings(
                load_settings(write(tmp_path, f"methods: {order}")), "compare", table="rank1"
            )
        )
        for order in orders
    ]
    assert records[0] != records[1]


def test_a_table_names_its_rows(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "tables: {mine: [gei, mirror]}"))
    assert settings.rows("mine") == ("gei", "mirror")
    assert settings.rows("rank1") == ("gei", "gaittake")
    peers = {"gei", "gaitset", "gaitpart", "gaitgl", "mt3d", "gaittake"}
    assert set(settings.rows("table")) == peers
    assert "true_keypoints" not in settings.rows("ablation")
    with pytest.raises(UserError, match=r"tables\.other: there is no such table"):
        settings.rows("other")


def test_an_ablation_skips_what_the_dataset_does_anyway(tmp_path: Path) -> None:
    text = "train: {loss: batch_all}\nmodel: {attention_input: strips, clip_length: 5}"
    rows = load_settings(write(tmp_path, text)).rows("ablation")
    assert rows[0] == "gaittake"
    assert not {"batch_all", "attention_strips", "clip_5"} & set(rows)
    assert {"adaptive", "batch_hard", "attention_flat", "clip_10"} < set(rows)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("model: {fusion: attention}", "skeleton_maps"),
        ("model: {silhouettes: false}", "silhouettes_only"),
    ],
)
def test_a_row_of_the_ablation_that_the_settings_exclude_is_named(
    tmp_path: Path, text: str, row: str
) -> None:
    settings = load_settings(write(tmp_path, text))
    with pytest.raises(UserError, match=r"methods\.silhouettes_only: this dataset's settings excl"):
        settings.rows("ablation")
    assert settings.fault(row).startswith(f"methods.{row}: this dataset's settings exclude it (")
    for stage in ("train", "embed"):
        with pytest.raises(UserError, match=f"{row}: this dataset's settings exclude it"):
            stage_settings(settings, stage, method=row)


def test_the_message_about_an_unknown_row_lists_the_methods(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'gaitless' is not a method.*gaitset"):
        load_settings(write(tmp_path, "tables: {mine: [gaitless]}"))


def test_walkers_have_rows_with_true_keypoints(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "source: {layout: walkers}"))
    assert {"true_keypoints", "noise_1", "noise_2", "noise_4"} < set(settings.rows("ablation"))


def test_each_trained_method_has_a_run_per_seed(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "seeds: [3, 7]"))
    assert runs(settings, "gaittake") == ["gaittake", "gaittake-seed7"]
    assert runs(settings, "gei") == ["gei"]
    assert method_of("gaittake", settings) == ("gaittake", 3)
    assert method_of("gaittake-seed7", settings) == ("gaittake", 7)
    trained = [stage_settings(settings, "train", method=run) for run in runs(settings, "gaittake")]
    assert [record.seed for record in trained] == [3, 7]  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="there is no seed 5"):
        method_of("gaittake-seed5", settings)


def test_training_subjects_may_have_fewer_sequences_than_test_subjects(tmp_path: Path) -> None:
    text = """
source: {layout: walkers}
walkers: {subjects: 4, training_sequences: [2, 1, 0]}
protocol: {train_subjects: [001..002], test_subjects: [003..004]}
"""
    settings = load_settings(write(tmp_path, text))
    found = {
        part: stage_settings(settings, "render", shard=f"{part}-000").walkers  # type: ignore[attr-defined]
        for part in ("train", "test")
    }
    assert [found["train"].normal, found["train"].bag, found["train"].coat] == [2, 1, 0]
    assert [found["test"].normal, found["test"].bag, found["test"].coat] == [6, 2, 2]


def test_a_preset_completes_what_the_file_sets_and_replaces_none_of_it(tmp_path: Path) -> None:
    text = "preset: laptop\npose: {student_from: walkers}\ntrain: {steps: 5}\nmodel: {strips: 2}"
    settings = load_settings(write(tmp_path, text))
    assert (settings.size, settings.model.channels, settings.model.strips) == (
        "small",
        (8, 16, 16, 16),
        2,
    )
    assert (settings.train.steps, settings.train.frames, settings.train.loss) == (
        5,
        12,
        "batch_all",
    )
    assert settings.pose.detector == load_settings(CONFIG / "walkers.yaml").pose.detector
    assert (settings.pose.student_from, settings.pose.boxes) == ("walkers", "silhouette")
    published = load_settings(write(tmp_path, "preset: paper"))
    assert published == load_settings(write(tmp_path, ""))
    with pytest.raises(UserError, match="'preset': it must be 'paper' or 'laptop'"):
        load_settings(write(tmp_path, "preset: lapdog"))


def test_a_lender_lends_what_its_preset_sets(tmp_path: Path) -> None:
    (tmp_path / "lender.yaml").write_text("preset: laptop")
    settings = load_settings(write(tmp_path, "networks_from: lender"))
    assert settings.size == "small"
    assert settings.train.frames == 12
    assert settings.pose.boxes == "detected"  # the pose stages are the dataset's own


def test_changed_settings_are_printed_as_they_are_written(tmp_path: Path) -> None:
    text = "source: {layout: folder, silhouettes: [データ/Jörg]}"
    found = changed(load_settings(write(tmp_path, text)))
    assert found["source.silhouettes"] == '["データ/Jörg"]'


def test_no_method_can_share_a_folder_with_a_stage() -> None:
    rules = "".join(
        path.read_text() for path in (CONFIG.parent / "workflow" / "rules").glob("*.smk")
    )
    folders = {*re.findall(r'"results/\{dataset\}/(\w+)/', rules)}
    assert folders == set(FOLDERS)
