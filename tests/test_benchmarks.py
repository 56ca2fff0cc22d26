"""Benchmarks report no time of a computation that went wrong."""

import logging
from pathlib import Path

import pytest
import torch


@pytest.fixture
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


@pytest.mark.usefixtures("_benchmarks")
def test_a_step_whose_loss_is_not_finite_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import step  # type: ignore[import-not-found]

    store = step.noise_store(torch.device("cpu"), 8, 4, 14)
    training = step.training_of("gaitset", "small", store, precision="float32", plain=True)
    assert step.seconds(training, 1) > 0
    with torch.no_grad():
        next(training.learner.network.parameters()).fill_(torch.inf)
    with pytest.raises(SystemExit, match=r"the loss is nan at step 1; no time is reported"):
        step.seconds(training, 2)


@pytest.mark.usefixtures("_benchmarks")
def test_memory_is_computed_without_data_and_halves_in_bfloat16() -> None:
    import memory  # type: ignore[import-not-found]

    half, full = (memory.peak_bytes("gaitset", "small", dtype) for dtype in memory.TYPES)
    maps = 64 * 30 * 32 * 22 * 8 * 4  # bytes of the first maps in float32, which are kept
    assert maps < full < 20 * maps
    assert 0.4 < half / full < 0.8


REPOSITORY = Path(__file__).parents[1]
KTH = Path(__file__).parents[2] / "shared" / "data" / "kth_dev.npz"


@pytest.mark.slow
@pytest.mark.usefixtures("_benchmarks")
@pytest.mark.skipif(not KTH.exists(), reason="the recordings lie beside the checkout or nowhere")
def test_real_people_are_found_by_their_energy_images(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    import real_people  # type: ignore[import-not-found]

    caplog.set_level(logging.ERROR, logger="gaittake")  # as main sets it; undone after the test
    shipped = REPOSITORY / "gaittake" / "use" / "people.onnx"
    monkeypatch.setattr("sys.argv", ["real_people.py", str(KTH), "--model", str(shipped)])
    real_people.main()
    said = capsys.readouterr().out
    rows = {tuple(c.strip() for c in line.split("|")[1:4]): line for line in said.splitlines()}
    same_clothes = rows["gei", "blazepose", "one way"].split("|")[4]
    assert int(same_clothes) > 80  # chance: 8
    other_clothes = rows["people.onnx", "blazepose", "one way"].split("|")[5]
    assert int(other_clothes) > 50  # GEI: 21
    assert "background, one way: not usable: p11: 0 of 46 frames usable" in said
