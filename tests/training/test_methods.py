"""All networks: the loss falls, training continues after a crash, saved weights embed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.errors import UserError
from gaittake.evaluation.embed import embed
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.models import build_network
from gaittake.sequence import type_of
from gaittake.settings import EmbedStage, Train, TrainStage
from gaittake.training import step
from gaittake.training.distributed import ALONE
from gaittake.training.prepare import optimiser_of
from gaittake.training.step import Learner
from tests.training.runs import CPU, before_step, die, run, same

SUBJECTS = ("001", "002", "003", "004")
MODELS: dict[str, dict[str, Any]] = {
    "gaitset": {"channels": (2, 4, 4), "bins": (4, 2, 1), "embedding": 6},
    "gaitpart": {"channels": (2, 4, 8), "strips": (1, 4, 4), "parts": 4, "embedding": 6},
    "mt3d": {"channels": (2, 4, 4, 4), "embedding": 6},
    "gaitgl": {"channels": (2, 4, 4, 4), "strips": 4, "embedding": 6, "head": "iccv"},
    "gaitbase": {"channels": (4, 4, 4, 4), "parts": 4, "embedding": 6},
    "deepgaitv2": {"channels": (4, 4, 4, 4), "parts": 4, "embedding": 6, "neck": True},
    "skeletongait_plus": {"channels": (4, 4, 4, 4), "parts": 4, "embedding": 6},
    "gaittake": {
        "channels": (2, 4, 4, 4),
        "strips": 4,
        "clip_length": 3,
        "attention_width": 4,
        "embedding": 6,
        "pose_channels": 5,
        "fusion": "apart",
        "skeleton_maps": True,
    },
}
BNNECK = {"cross_entropy": 1.0, "neck": True, "cosine": 16.0, "label_smoothing": 0.1}
HEADS: dict[str, dict[str, Any]] = {
    "deepgaitv2": BNNECK | {"optimiser": "sgd", "weight_decay": 5e-4, "loss": "batch_all"},
    "gaitgl": {"cross_entropy": 1.0, "weight_decay": 5e-4, "loss": "batch_all"},
    "gaittake": {"cross_entropy": 0.5, "neck": True, "mirror": 0.5},
}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Returns a cache whose sequences differ more by a bright coat than by their subject."""
    generator = np.random.default_rng(0)
    path = tmp_path / "coats.h5"
    with RaggedWriter(
        path,
        kind="cache",
        arrays={"silhouettes": ("uint8", (16, 8)), "keypoints": ("float32", (17, 3))},
    ) as out:
        for subject in SUBJECTS:
            for walk in range(1, 9):
                silhouettes = generator.integers(0, 40, (10, 16, 8))
                coat = int(generator.integers(0, 12))
                silhouettes[:, coat : coat + 4, :5] += 100
                silhouettes[:, 3 * int(subject) : 3 * int(subject) + 2, 2:] += 70
                out.append(
                    (subject, type_of("nm", walk), "090"),
                    silhouettes=silhouettes.astype(np.uint8),
                    keypoints=generator.random((10, 17, 3), dtype=np.float32),
                )
    return path


def stage(network: str, **changes: Any) -> TrainStage:
    numbers = {
        "subjects_per_batch": 3,
        "sequences_per_subject": 3,
        "frames": 6,
        "steps": 8,
        "learning_rate": 0.01,
        "milestones": (5,),
        "log_every": 2,
        "checkpoint_every": 3,
    }
    train = Train.model_validate(numbers | changes)
    return TrainStage(
        seed=1, network=network, model=MODELS[network], train=train, subjects=SUBJECTS
    )


@pytest.mark.parametrize("network", MODELS)
def test_every_network_learns_to_distinguish_subjects(
    tmp_path: Path, cache: Path, network: str
) -> None:
    order = {"gaitset": "any", "gaitpart": "sorted"}.get(network, "consecutive")
    head = HEADS["deepgaitv2"] if network == "deepgaitv2" else {}
    settings = stage(network, steps=60, milestones=(), log_every=1, order=order, **head)
    run(tmp_path, cache, settings)
    history = pd.read_csv(tmp_path / "train.csv")
    hinge = history["loss"] * history["active"]  # the mean over all terms
    assert hinge.tail(10).mean() < 0.5 * hinge.iloc[0]
    distances = history.tail(10)[["positive", "negative"]].mean()
    assert distances["negative"] > 2 * distances["positive"]


@pytest.mark.parametrize("network", HEADS)
def test_the_classifier_learns_the_subjects(tmp_path: Path, cache: Path, network: str) -> None:
    run(tmp_path, cache, stage(network, steps=120, milestones=(), log_every=10, **HEADS[network]))
    history = pd.read_csv(tmp_path / "train.csv")
    last = history.tail(3).mean()  # a single batch may do badly
    assert last["cross_entropy"] < 0.7 * history["cross_entropy"].iloc[0]
    assert last["accuracy"] > 0.6  # chance is 0.25


@pytest.mark.parametrize("dies_at", [2, 7])
@pytest.mark.parametrize("network", HEADS)
def test_a_killed_run_with_a_classifier_ends_with_the_same_weights_bit_for_bit(
    tmp_path: Path, cache: Path, network: str, dies_at: int
) -> None:
    settings = stage(network, order="any", **HEADS[network])
    whole = run(tmp_path / "whole", cache, settings)
    with before_step(dies_at, die), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", cache, settings)
    assert same(run(tmp_path / "killed", cache, settings), whole)
    curves = [pd.read_csv(tmp_path / run / "train.csv") for run in ("whole", "killed")]
    columns = [name for name in curves[0].columns if name != "frames_per_second"]
    assert {"cross_entropy", "accuracy"} < set(columns)
    pd.testing.assert_frame_equal(curves[0][columns], curves[1][columns])


@pytest.mark.parametrize("network", MODELS)
def test_saved_weights_embed_without_the_classifier(
    tmp_path: Path, cache: Path, network: str
) -> None:
    weights = run(tmp_path, cache, stage(network, steps=2, **HEADS.get(network, {})))
    assert (
        weights.keys()
        == build_network(network, height=16, width=8, **MODELS[network]).state_dict().keys()
    )
    asked = EmbedStage(network=network, model=MODELS[network], subjects=("002", "004"))
    out = tmp_path / "embeddings.h5"
    embed(asked, cache=cache, weights=tmp_path / "weights.safetensors", out=out, device=CPU)
    with open_ragged(out, kind="embeddings") as opened:
        assert opened.sequences["subject"].unique().tolist() == ["002", "004"]
        assert opened.read("embeddings").shape[2] == 6


def test_the_metrics_add_up_to_the_loss() -> None:
    torch.manual_seed(0)
    embeddings, subjects = torch.randn(6, 4, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    scores = torch.randn(6, 4, 3)
    choice = Train(cross_entropy=0.3, sequences_per_subject=2)
    alone = step.step_loss(embeddings, None, subjects, choice)
    both = step.step_loss(embeddings, scores, subjects, choice)
    assert set(both.metrics) - set(alone.metrics) == {"cross_entropy", "accuracy"}
    expected = alone.loss + 0.3 * both.metrics["cross_entropy"]
    torch.testing.assert_close(both.loss, expected)


def test_sizes_that_do_not_fit_the_silhouettes_are_an_error_before_the_first_step(
    tmp_path: Path, cache: Path
) -> None:
    asked = stage("gaitset").model_copy(update={"model": MODELS["gaitset"] | {"bins": (3,)}})
    with pytest.raises(UserError, match=r"gaitset: 3 bins must divide the 4 rows .* of 16 x 8"):
        run(tmp_path, cache, asked)


def test_changed_clips_reach_the_network(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(tmp_path / "plain", cache, stage("gaittake", steps=3))
    changed = {"mirror": 0.5}, {"rotate": 1.0}, {"perspective": 1.0}, {"erase": 1.0}
    for number, change in enumerate(changed):
        other = run(tmp_path / str(number), cache, stage("gaittake", steps=3, **change))
        assert not all(plain[name].equal(other[name]) for name in plain)


def test_a_bnneck_that_is_not_trained_is_an_error_before_the_first_step(
    tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(UserError, match=r"BNNeck, which is not trained: set train\.neck: true"):
        run(tmp_path, cache, stage("deepgaitv2"))


def test_the_bnneck_of_a_network_is_the_classifiers(tmp_path: Path, cache: Path) -> None:
    weights = run(tmp_path, cache, stage("deepgaitv2", **HEADS["deepgaitv2"]))
    assert int(weights["head.neck.norm.num_batches_tracked"]) == 8
    assert not weights["head.neck.norm.weight"].equal(torch.ones(24))


def test_sgd_moves_the_weights_as_its_formula_says() -> None:
    layer = torch.nn.Linear(2, 1, bias=False)
    choice = Train(optimiser="sgd", learning_rate=0.1, weight_decay=0.01)
    learner = Learner(layer, None, ALONE)
    optimiser = optimiser_of(learner, choice, CPU)
    weight, speed = layer.weight.detach().clone(), torch.zeros(1, 2)
    for _ in range(3):
        layer.weight.grad = torch.tensor([[1.0, -2.0]])
        optimiser.step()
        speed = 0.9 * speed + layer.weight.grad + 0.01 * weight
        weight = weight - 0.1 * speed
    torch.testing.assert_close(layer.weight.detach(), weight)
