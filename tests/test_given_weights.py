"""A method with weights: nothing is trained, and the file is tested on every dataset."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from gaittake.errors import UserError
from gaittake.io.weights import save_weights
from gaittake.pipeline import inputs, origin, plan
from gaittake.pipeline.job import Job, runs
from gaittake.settings import Settings
from tests.jobs import job_of, stage_settings

GIVEN = {"network": "deepgaitv2", "model": {"blocks": [1, 4, 4, 1]}, "weights": "theirs.pt"}


def write_weights(path: str, network: str = "deepgaitv2", **changes: Any) -> None:
    """Writes a file with the settings of GIVEN, or changed ones, and a weight of no use."""
    model = settings().method_model("deep").model_dump(mode="json") | changes
    save_weights(nn.Linear(1, 1), Path(path), network=network, settings=model, made_by={})


def settings(**sections: Any) -> Settings:
    return Settings.model_validate(
        {"dataset": "x", "size": "small", "seeds": [0, 1], "methods": {"deep": GIVEN}} | sections
    )


def test_the_network_is_the_same_on_every_dataset() -> None:
    for size in ("casiab", "small"):
        model = settings(size=size).method_model("deep").model_dump()
        assert model["channels"] == (64, 128, 256, 512)
        assert (model["blocks"], model["shrink"]) == ((1, 4, 4, 1), 1)
    take = {"weights": "theirs.pt"}
    model = settings(methods={"take": take}, model={"clip_length": 3}).method_model("take")
    assert model.clip_length == 10  # type: ignore[attr-defined]


def test_it_is_not_trained_and_has_one_run() -> None:
    chosen = settings()
    assert runs(chosen, "deep") == ["deep"]
    assert not stage_settings(chosen, "check").largest_batch
    assert plan.longest_clip(chosen) == 0
    assert origin.unpublished(settings(source={"layout": "casiab"}), "deep") == {}
    with pytest.raises(UserError, match=r"methods\.deep\.weights: theirs\.pt is tested without"):
        stage_settings(chosen, "train", method="deep")


def test_its_embeddings_and_metrics_name_the_file() -> None:
    chosen = settings()
    embed = stage_settings(chosen, "embed", method="deep")
    assert embed.model["blocks"] == [1, 4, 4, 1]
    assert embed.train_subjects is None
    assert stage_settings(chosen, "evaluate", method="deep").trained_on == "theirs.pt"


def test_the_note_says_that_it_was_not_trained_here() -> None:
    chosen = settings(source={"layout": "walkers"}, note="Rendered people.")
    assert origin.note(chosen) == "Weights of a file, not trained here: deep. Rendered people."
    assert origin.trained_on_rendered(job_of(chosen, method="deep")) is None


def test_the_file_is_the_input_of_embed_and_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = job_of(settings(source={"layout": "walkers"}), method="deep")
    for function in (inputs.weights, inputs.require_files):
        with pytest.raises(UserError, match=r"theirs\.pt: no such file; methods\.deep\.weights"):
            function(job)
    write_weights("theirs.pt")
    inputs.require_files(job)
    assert inputs.weights(job) == [Path("theirs.pt")]
    assert inputs.trainings(job.at(table="rank1")) == []


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        ("gaitset", {}, "weights of 'gaitset'; 'deepgaitv2' is required"),
        ("deepgaitv2", {"blocks": [1, 1, 1, 1]}, r"trained with model\.blocks=\[1, 1, 1, 1\], but"),
        ("", {}, "not a weights file of gaittake, or damaged"),
    ],
)
def test_a_file_of_another_network_is_refused_before_the_first_job(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    network: str,
    changes: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if network:
        write_weights("theirs.pt", network, **changes)
    else:
        Path("theirs.pt").touch()
    job = job_of(settings(source={"layout": "walkers"}), method="deep")
    with pytest.raises(UserError, match=rf"theirs\.pt: {message}"):
        inputs.require_files(job)


def test_a_dataset_that_borrows_the_networks_tests_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    write_weights("theirs.pt")
    (tmp_path / "config/lender.yaml").write_text(f"methods: {{deep: {GIVEN}, gaittake: {{}}}}")
    (tmp_path / "config/mine.yaml").write_text(
        "networks_from: lender\nsource: {layout: folder}\n"
        "protocol: {train_subjects: [], test_subjects: [p01]}"
    )
    assert inputs.weights(Job("mine", method="deep")) == [Path("theirs.pt")]
    lent = inputs.weights(Job("mine", method="gaittake"))
    assert lent == [Path("results/lender/gaittake/weights.safetensors")]
    assert plan.embed(Job("mine", method="deep")).model["blocks"] == [1, 4, 4, 1]


def test_whether_people_of_the_training_were_rendered_is_asked_of_the_lender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/drawn.yaml").write_text("source: {layout: walkers}")
    (tmp_path / "config/filmed.yaml").write_text("source: {layout: folder}")
    people = "protocol: {train_subjects: [], test_subjects: [901]}\npose: {student_from: drawn}"
    for lender, layout in (("drawn", "folder"), ("filmed", "walkers")):
        (tmp_path / "config/mine.yaml").write_text(
            f"networks_from: {lender}\nsource: {{layout: {layout}}}\n{people}"
        )
        job = Job("mine", method="gaittake")
        assert origin.trained_on_rendered(job) is (lender == "drawn")
        assert job.settings.rendered is (lender == "filmed")
        assert origin.trained_on_rendered(Job(lender, method="gaittake")) is (lender == "drawn")
