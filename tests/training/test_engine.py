"""Training: its data, its checkpoints, how it stops."""

import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.data.store import load_store
from gaittake.errors import Preempted, UserError
from gaittake.evaluation.embed import embed, embed_sequences
from gaittake.io.checkpoint import Checkpoints, seed_everything
from gaittake.io.ragged import open_ragged, table_digest
from gaittake.io.weights import load_weights
from gaittake.models import build_network
from gaittake.settings import EmbedStage, GaitTakeModel, Train, TrainStage
from gaittake.training import step
from tests.conftest import write_cache
from tests.training.runs import CPU, before_step, die, interrupt, run, same, terminate

MODEL = GaitTakeModel(
    channels=(2, 4, 4, 4), strips=4, clip_length=3, attention_width=4, embedding=6
).model_dump(mode="json")
SUBJECTS = ("001", "002", "003", "004")


def settings(**changes: Any) -> TrainStage:
    numbers = {
        "subjects_per_batch": 3,
        "sequences_per_subject": 2,
        "frames": 6,
        "steps": 8,
        "learning_rate": 0.01,
        "milestones": (5,),
        "log_every": 3,
        "checkpoint_every": 2,
    }
    train = Train.model_validate(numbers | changes)
    return TrainStage(seed=3, network="gaittake", model=MODEL, train=train, subjects=SUBJECTS)


def test_training_lowers_the_loss_and_writes_its_history(tmp_path: Path, cache: Path) -> None:
    run(tmp_path, cache, settings(steps=60, log_every=10, milestones=(50,)))
    history = pd.read_csv(tmp_path / "train.csv")
    assert history["step"].tolist() == [10, 20, 30, 40, 50, 60]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["negative"].iloc[-1] > history["positive"].iloc[-1]
    assert history["learning_rate"].tolist() == pytest.approx([0.01] * 4 + [0.001] * 2)
    assert list((tmp_path / "events/weights").iterdir())


@pytest.mark.parametrize("dies_at", [1, 4, 5, 7])
def test_a_killed_run_ends_with_the_same_weights_bit_for_bit(
    tmp_path: Path, cache: Path, dies_at: int
) -> None:
    whole = run(tmp_path / "whole", cache, settings())
    with before_step(dies_at, die), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", cache, settings())
    assert not (tmp_path / "killed/weights.safetensors").exists()
    assert same(run(tmp_path / "killed", cache, settings()), whole)
    curves = [pd.read_csv(tmp_path / run / "train.csv") for run in ("whole", "killed")]
    columns = ["step", "loss", "active", "positive", "negative", "learning_rate"]
    pd.testing.assert_frame_equal(curves[0][columns], curves[1][columns])


def test_sigterm_saves_and_the_message_asks_for_a_restart(tmp_path: Path, cache: Path) -> None:
    whole = run(tmp_path / "whole", cache, settings())
    with (
        before_step(2, terminate),
        pytest.raises(Preempted, match="run the same command again"),
    ):
        run(tmp_path / "stopped", cache, settings())
    saved = torch.load(tmp_path / "stopped/checkpoints/last.pt", weights_only=True)
    assert saved["state"]["step"] == 3
    assert same(run(tmp_path / "stopped", cache, settings()), whole)


def test_a_checkpoint_of_other_settings_is_not_continued(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "a", cache, settings())
    fresh = run(tmp_path / "b", cache, settings(learning_rate=0.02))
    with caplog.at_level(logging.WARNING):
        again = run(tmp_path / "a", cache, settings(learning_rate=0.02))
    assert same(again, fresh)
    assert "other settings, data or code" in caplog.text


def test_a_checkpoint_of_other_code_is_not_continued_but_kept(tmp_path: Path, cache: Path) -> None:
    run(tmp_path, cache, settings(), code="before")
    last, previous = (tmp_path / "checkpoints" / name for name in ("last.pt", "previous.pt"))
    before, trained = last.read_bytes(), []
    with before_step(0, lambda: trained.append(previous.exists())):
        run(tmp_path, cache, settings(), code="after")
    assert trained == [False]  # it starts at step 0, and a start alone takes nothing away
    assert previous.read_bytes() == before
    with before_step(0, die):  # finished: no step is made again
        run(tmp_path, cache, settings(), code="after")


def test_events_replace_those_of_the_same_weights_alone(tmp_path: Path, cache: Path) -> None:
    mine = [tmp_path / "events" / name for name in ("notes.txt", "weights/notes.txt")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for rate in (0.01, 0.02):
        run(tmp_path, cache, settings(learning_rate=rate))
    assert all(path.exists() for path in mine)
    assert len(list((tmp_path / "events/weights").glob("events.*"))) == 1


def test_a_second_training_in_the_same_folder_is_refused(tmp_path: Path, cache: Path) -> None:
    with (
        Checkpoints(tmp_path / "checkpoints", "x"),
        pytest.raises(UserError, match="trains here already"),
    ):
        run(tmp_path, cache, settings())


def test_a_damaged_checkpoint_is_named(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/last.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=r"last\.pt: the checkpoint cannot be read.*Delete it"):
        run(tmp_path, cache, settings())


def test_a_checkpoint_of_another_version_of_the_network_is_named(
    tmp_path: Path, cache: Path
) -> None:
    with before_step(3, die), pytest.raises(KeyboardInterrupt):
        run(tmp_path, cache, settings())
    path = tmp_path / "checkpoints/last.pt"
    saved = torch.load(path, weights_only=True)
    weights = saved["state"]["network"]
    weights["gem.power"] = weights.pop("branches.appearance.gem.power")
    torch.save(saved, path)
    with pytest.raises(UserError, match=r"last\.pt: .* another version of the network. Delete it"):
        run(tmp_path, cache, settings())


def test_gpu_generators_of_an_old_checkpoint_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_everything(5)
    with Checkpoints(tmp_path, "x") as checkpoints:
        checkpoints.save({"step": 1})
    expected = torch.rand(3), np.random.random(3)
    path = tmp_path / "last.pt"
    saved = torch.load(path, weights_only=True)
    assert "cuda" not in saved["generators"]
    saved["generators"]["cuda"] = [torch.zeros(16, dtype=torch.uint8)] * 4  # of four GPUs
    torch.save(saved, path)

    def refuse(_: Any) -> None:
        raise IndexError("this machine has one GPU")

    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_available", lambda: True)
        patched.setattr(torch.cuda, "set_rng_state_all", refuse)
        assert Checkpoints(tmp_path, "x").load() == {"step": 1}
    assert torch.rand(3).equal(expected[0])
    assert (np.random.random(3) == expected[1]).all()


def test_a_loss_that_is_not_finite_stops_with_step_and_sequences(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = step.gather_clips

    def spoilt(store: Any, rows: Any) -> Any:
        spoilt.calls += 1  # type: ignore[attr-defined]
        batch = real(store, rows)
        return batch._replace(keypoints=batch.keypoints / (0 if spoilt.calls == 4 else 1))  # type: ignore[attr-defined]

    spoilt.calls = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(step, "gather_clips", spoilt)
    with pytest.raises(UserError, match=r"loss is \w+ at step 4;.*: 00\d/nm-0\d/090") as error:
        run(tmp_path, cache, settings())
    names = str(error.value).rsplit(": ", 1)[1].split(", ")
    assert len(names) == 6
    saved = torch.load(tmp_path / "checkpoints/last.pt", weights_only=True)["state"]
    assert saved["step"] == 2
    assert all(bool(torch.isfinite(w).all()) for w in saved["network"].values())


def test_training_uses_only_its_subjects(tmp_path: Path, cache: Path) -> None:
    stage = settings(subjects_per_batch=2).model_copy(update={"subjects": ("001", "003")})
    store = load_store(cache, stage.subjects, CPU)
    assert set(store.sequences["subject"]) == {"001", "003"}
    with open_ragged(cache, kind="cache") as opened:
        for row, first in zip(
            store.sequences.itertuples(),
            opened.sequences.query("subject in ['001', '003']")["first_frame"],
            strict=True,
        ):
            expected = opened.read("silhouettes", first, row.frame_count)
            found = store.silhouettes[row.first_frame : row.first_frame + row.frame_count]
            assert (found.numpy() == expected).all()


def test_embeddings_of_a_batch_are_those_of_each_sequence_alone(cache: Path) -> None:
    store = load_store(cache, SUBJECTS, CPU)
    network = build_network("gaittake", height=16, width=8, **MODEL).eval()
    together = embed_sequences(network, store)
    for index, row in enumerate(store.sequences.itertuples()):
        rows = slice(row.first_frame, row.first_frame + row.frame_count)
        alone = network(store.silhouettes[None, rows].float() / 255, store.keypoints[None, rows])
        assert torch.from_numpy(together[index]).allclose(alone[0], atol=1e-5)


def test_embed_writes_the_test_subjects_and_the_training_settings(
    tmp_path: Path, cache: Path
) -> None:
    run(tmp_path, cache, settings())
    stage = EmbedStage(network="gaittake", model=MODEL, subjects=("002", "004"))
    out = tmp_path / "embeddings.h5"
    embed(stage, cache=cache, weights=tmp_path / "weights.safetensors", out=out, device=CPU)
    with open_ragged(out, kind="embeddings") as opened:
        assert opened.sequences["subject"].unique().tolist() == ["002", "004"]
        assert opened.read("embeddings").shape == (6, 16, 6)
        assert json.loads(opened.attributes["training"])["seed"] == 3
        tested = opened.attributes["data_digest"]
        assert tested != opened.attributes["training_data"]
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
    assert tested == table_digest(table[table["subject"].isin(stage.subjects)])


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell ignores it in jobs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("changed", [{}, {"checkpoint_every": 1}])
def test_ctrl_c_saves_and_the_run_continues_to_the_same_weights(
    tmp_path: Path, cache: Path, changed: dict[str, int]
) -> None:
    whole = run(tmp_path / "whole", cache, settings())
    stopped = tmp_path / "stopped"
    with before_step(3, interrupt), pytest.raises(Preempted, match="interrupted: ") as caught:
        run(stopped, cache, settings())
    assert caught.value.code == 130
    with before_step(0, lambda: pytest.fail("training started over")):
        assert same(run(stopped, cache, settings(**changed)), whole)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, cache: Path) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    with before_step(3, twice), pytest.raises(KeyboardInterrupt):
        run(tmp_path, cache, settings())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_test_subject_leaves_the_training_as_it_is(tmp_path: Path) -> None:
    stage = settings(steps=4)
    caches = [write_cache(tmp_path / f"{n}.h5", subjects=n) for n in (4, 6)]
    assert {"005", "006"}.isdisjoint(stage.subjects)
    trained = run(tmp_path, caches[0], stage)
    with before_step(0, lambda: pytest.fail("training started over")):
        assert same(run(tmp_path, caches[1], stage), trained)
    last = torch.load(tmp_path / "checkpoints/last.pt", weights_only=True)
    assert last["state"]["step"] == 4


def test_weights_that_do_not_fit_are_refused(tmp_path: Path, cache: Path) -> None:
    run(tmp_path, cache, settings())
    path = tmp_path / "weights.safetensors"
    with pytest.raises(UserError, match=r"model\.strips=4, but the setting is 2"):
        load_weights(path, network="gaittake", settings=MODEL | {"strips": 2})
    with pytest.raises(UserError, match="weights of 'gaittake'; 'gaitset' is required"):
        load_weights(path, network="gaitset", settings=MODEL)
    with pytest.raises(UserError, match="no such file; `gaittake train` creates it"):
        load_weights(tmp_path / "none.pt", network="gaittake", settings=MODEL)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="not a weights file"):
        load_weights(path, network="gaittake", settings=MODEL)
