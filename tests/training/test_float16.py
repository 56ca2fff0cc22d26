"""Training in float16 with loss scaling, as on a V100 or T4; a CPU can compute it, slowly."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from gaittake import device
from gaittake.settings import TrainStage
from gaittake.training import engine, prepare, step
from tests.training.runs import before_step, die, run, same
from tests.training.test_engine import settings


@pytest.fixture
def old_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes trainings on the CPU compute as on a GPU without bfloat16."""

    def float16(_: torch.device, precision: str, *, loss_scaling: bool) -> torch.dtype:
        return torch.float16 if precision == "auto" and loss_scaling else torch.float32

    monkeypatch.setattr(device, "layer_dtype", float16)
    monkeypatch.setattr(prepare, "layer_dtype", float16)


@pytest.mark.usefixtures("old_card")
def test_its_losses_are_those_of_float32_to_rounding(tmp_path: Path, cache: Path) -> None:
    losses = []
    for precision in ("auto", "float32"):
        run(
            tmp_path / precision,
            cache,
            settings(precision=precision, log_every=1, learning_rate=1e-4),
        )
        losses.append(pd.read_csv(tmp_path / precision / "train.csv")["loss"].to_numpy())
    assert (losses[0] != losses[1]).any()
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


@pytest.mark.usefixtures("old_card")
def test_a_continued_training_keeps_its_scale(tmp_path: Path, cache: Path) -> None:
    whole = run(tmp_path / "whole", cache, settings())
    with before_step(5, die), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", cache, settings())
    saved = torch.load(tmp_path / "killed/checkpoints/last.pt", weights_only=True)["state"]
    assert saved["scaler"]["scale"] > 1
    assert same(run(tmp_path / "killed", cache, settings()), whole)


@pytest.mark.usefixtures("old_card")
def test_a_step_whose_gradients_overflow_is_skipped_and_the_scale_falls(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: dict[str, Tensor] = {}
    scales: list[float] = []
    real = engine.train_step

    def spoilt(training: step.Training, number: int) -> Any:
        weights = training.learner.network.state_dict()
        if number == 3:
            before.update({name: value.clone() for name, value in weights.items()})
            head = next(w for n, w in training.learner.named_parameters() if "heads" in n)
            handle = head.register_hook(lambda gradient: gradient * torch.inf)
        scales.append(training.scaler.get_scale())
        terms = real(training, number)
        if number == 3:
            handle.remove()
            assert all(value.equal(before[name]) for name, value in weights.items())
        return terms

    monkeypatch.setattr(engine, "train_step", spoilt)
    weights = run(tmp_path, cache, settings())
    assert scales[4] == scales[3] / 2
    assert all(bool(torch.isfinite(value).all()) for value in weights.values())
    assert not all(value.equal(before[name]) for name, value in weights.items())


def test_other_precisions_are_not_scaled(tmp_path: Path, cache: Path) -> None:
    stage: TrainStage = settings(precision="float32")
    run(tmp_path, cache, stage)
    saved = torch.load(tmp_path / "checkpoints/last.pt", weights_only=True)["state"]
    assert saved["scaler"] == {}
