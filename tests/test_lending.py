"""Networks that one dataset borrows from another: settings and subjects."""

from pathlib import Path

import pytest

from gaittake.cli.show import preview
from gaittake.errors import UserError
from gaittake.pipeline import inputs, origin, subjects
from gaittake.pipeline.inputs import require_files
from gaittake.pipeline.job import Job
from gaittake.pipeline.subjects import lender, train_subjects
from gaittake.settings import load_settings
from tests.jobs import stage_settings
from tests.test_settings import CONFIG, write


def test_borrowed_networks_are_built_as_the_lenders_file_says(tmp_path: Path) -> None:
    (tmp_path / "lender.yaml").write_text(
        "model: {clip_length: 4}\ntrain: {steps: 5}\nseeds: [0, 3]\nnote: its own"
    )
    path = write(tmp_path, "networks_from: lender\nseeds: [3]")
    settings = load_settings(path, ("train.margin=0.3",))
    assert settings.model.clip_length == 4
    assert (settings.train.steps, settings.train.margin) == (5, 0.3)
    assert settings.seeds == (3,)
    assert settings.note == ""
    with pytest.raises(UserError, match=r"none\.yaml: there is no such settings file"):
        load_settings(write(tmp_path, "networks_from: none"))
    with pytest.raises(UserError, match="mine cannot lend to itself"):
        load_settings(write(tmp_path, "networks_from: mine"))


def test_the_fresh_subjects_are_others_of_the_walkers_population() -> None:
    walkers, fresh = (load_settings(CONFIG / f"{name}.yaml") for name in ("walkers", "fresh"))
    assert lender(fresh, walkers) == "walkers"
    rendered = [stage_settings(s, "render", shard="test-000").walkers for s in (fresh, walkers)]
    assert rendered[0] == rendered[1]
    assert fresh.model == walkers.model
    assert (fresh.protocol.gallery, fresh.protocol.probes) == (
        walkers.protocol.gallery,
        walkers.protocol.probes,
    )
    known = set(train_subjects(walkers)) | set(subjects.test_subjects(walkers))
    assert len(subjects.test_subjects(fresh)) == 64
    assert not known & set(subjects.test_subjects(fresh))
    assert origin.note(fresh).startswith("Trained on walkers. ")


def test_a_dataset_without_training_subjects_can_be_previewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONFIG.parent)
    out = tmp_path / "walker.png"
    preview("fresh", out, overrides=["walkers.normal=1", "walkers.bag=1", "walkers.coat=1"])
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("dataset", "subject", "said"),
    [
        ("walkers", "999", r"--subject 999: walkers has \d+ subjects, 001 to \d+"),
        ("fresh", "001", r"--subject 001: fresh has 64 subjects"),
        ("casiab", None, r"casiab: preview draws rendered subjects.*'casiab'"),
    ],
)
def test_nobody_is_invented_to_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, subject: str | None, said: str
) -> None:
    monkeypatch.chdir(CONFIG.parent)
    with pytest.raises(UserError, match=said):
        preview(dataset, tmp_path / "walker.png", subject)
    assert not (tmp_path / "walker.png").exists()


def test_a_student_that_does_not_fit_is_refused_before_the_first_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "lender.yaml").write_text(
        "preset: laptop\nsource: {layout: walkers}\npose: {teacher_weights: walkers}\n"
    )
    monkeypatch.chdir(tmp_path)

    def check(pose: str) -> None:
        source = "source: {layout: walkers}\n"
        write(config, f"{source}pose: {{student_from: lender, {pose}}}")
        require_files(Job("mine"))

    small = "detector: {backbone: small}"
    found = (
        r"mine: pose\.student_from: lender.* Set pose\.boxes: silhouette, as config/lender\.yaml"
    )
    with pytest.raises(UserError, match=found):
        check(f"boxes: detected, {small}")
    with pytest.raises(UserError, match=r"Set pose\.detector\.backbone: small, as"):
        check("boxes: silhouette")
    with pytest.raises(UserError, match=r"backbone: small and pose\.boxes: silhouette, as"):
        check("follow: true")
    check(f"boxes: silhouette, {small}")
    check(f"boxes: detected, proposals: false, {small}")
    (config / "lender.yaml").write_text("source: {layout: walkers}\n")
    check("boxes: detected")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("", ""),
        ("align: {min_mass: 5}", ""),
        (
            "align: {height: 32}",
            "mine has align.height 32 for methods.gaittake, .* lender with 64;",
        ),
        (
            "model: {clip_length: 5}",
            "mine has model.clip_length 5 .* with 10; remove it from mine's settings",
        ),
        (
            "methods: {gaittake: {}, gei: {network: gei}, a: {network: gaitset}}",
            "lender has no meth",
        ),
        ("methods: {gaittake: {}, gaitset: {network: gaitset}}", ""),
    ],
)
def test_a_borrowed_network_is_built_as_it_was_trained_or_refused_before_the_first_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, message: str
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "lender.yaml").write_text("source: {layout: folder}\n")
    people = "protocol: {train_subjects: [], test_subjects: [p01]}"
    write(config, f"source: {{layout: folder}}\nnetworks_from: lender\n{people}\n{own}")
    monkeypatch.chdir(tmp_path)

    def ask() -> None:
        for method in Job("mine").settings.methods:
            inputs.weights(Job("mine", method=method))

    if not message:
        ask()
        return
    with pytest.raises(UserError, match=rf"^networks_from: {message}"):
        ask()


@pytest.mark.parametrize("name", ["../config/mine", "mine.yaml", "config/mine.yaml", "mine/"])
def test_a_path_in_place_of_a_datasets_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "config").mkdir()
    write(tmp_path / "config", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=f"'{name}': the name of a dataset is required, for example mine"
    ):
        Job(name).settings  # noqa: B018 reads the file
