"""Training steps never wait for the device, and can be compiled as one graph."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils._python_dispatch import TorchDispatchMode

from gaittake.data.store import load_store
from gaittake.settings import Train, TrainStage
from gaittake.training import fast, step
from gaittake.training.distributed import ALONE
from gaittake.training.prepare import prepare
from tests.models.test_peers import TINY

CPU, META = torch.device("cpu"), torch.device("meta")


SLOW = pytest.mark.slow
LOSSES = ["adaptive", "batch_hard", "batch_all", "batch_all_self"]
HEADS: dict[str, Any] = {"cross_entropy": 0.5, "neck": True}
CHANGES: dict[str, Any] = dict.fromkeys(("mirror", "perspective", "rotate", "erase"), 0.5)


class NoCopiesToTheDevice(TorchDispatchMode):
    """Raises if an operation copies memory to the device and waits for the copy."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        moved = operation is torch.ops.aten._to_copy.default
        if moved and args[0].device.type == "cpu" and kwargs.get("device") == META:
            assert kwargs.get("non_blocking"), f"{operation} of {args[0].shape} waits"
        return operation(*args, **kwargs)


def training_of(
    cache: Path, network: str, device: torch.device = CPU, **changes: Any
) -> step.Training:
    """Returns a training of a tiny network."""
    numbers = {"subjects_per_batch": 3, "sequences_per_subject": 2, "frames": 6, "steps": 8}
    stage = TrainStage(
        seed=0,
        network=network,
        model=TINY[network] | {"embedding": 6},
        train=Train.model_validate(numbers | changes),
        subjects=("001", "002", "003", "004"),
    )
    store = load_store(cache, stage.subjects, CPU)
    there = store._replace(
        silhouettes=store.silhouettes.to(device),
        keypoints=store.keypoints.to(device),
        device=device,
    )
    training = prepare(stage, there, device, ALONE)
    training.parallel.train()
    return training


def training_without_numbers(
    cache: Path, monkeypatch: pytest.MonkeyPatch, network: str, **changes: Any
) -> step.Training:
    """Returns a training on the meta device, where reading a number raises an error."""
    monkeypatch.setattr(step, "autocast_to", lambda *_: nullcontext())
    return training_of(cache, network, META, **changes)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", TINY)
def test_a_step_never_waits_for_a_number_of_the_device(
    cache: Path, monkeypatch: pytest.MonkeyPatch, network: str, loss: str
) -> None:
    switches = HEADS | CHANGES | {"corrupt": 1.0}
    training = training_without_numbers(cache, monkeypatch, network, loss=loss, **switches)
    before = dict(training.learner.named_parameters())
    with NoCopiesToTheDevice():
        terms = step.train_step(training, 0)
    assert terms.loss.device == META
    assert {value.device for value in terms.metrics.values()} == {META}
    assert all(weight.grad is not None for weight in before.values())


def test_a_step_that_waits_is_noticed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = training_without_numbers(cache, monkeypatch, "gaitset")
    real = step.triplet_loss
    monkeypatch.setattr(step, "triplet_loss", lambda e, k, **given: real(e[e > 0], k, **given))
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        step.train_step(training, 0)
    with NoCopiesToTheDevice(), pytest.raises(AssertionError, match="waits"):
        torch.rand(3).to(META)


@pytest.mark.parametrize(
    "network",
    # Compiling takes seconds.
    [name if name in ("gaitgl", "gaittake") else pytest.param(name, marks=SLOW) for name in TINY],
)
def test_a_step_compiles_as_one_graph_and_learns_the_same(cache: Path, network: str) -> None:
    assert_compiled_is_the_same(cache, network, **HEADS)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_part_of_the_graph(cache: Path, loss: str) -> None:
    assert_compiled_is_the_same(cache, "energynet", loss=loss)


def assert_compiled_is_the_same(cache: Path, network: str, **changes: Any) -> None:
    """Compares a few steps with those of the compiled step; a break of the graph is an error."""
    torch.compiler.reset()
    plain, other = (training_of(cache, network, **changes) for _ in range(2))
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(step.batch_loss, backend=counter, fullgraph=True, dynamic=False)
    other = other._replace(compute=compiled)
    for number in range(3):
        expected, found = step.train_step(plain, number), step.train_step(other, number)
        torch.testing.assert_close(found.loss, expected.loss, rtol=1e-4, atol=1e-5)
        assert found.metrics.keys() == expected.metrics.keys()
    # One graph for all batches: new shapes, or a number that was read, would make further ones.
    assert counter.frame_count == 1
    for one, state in zip(
        other.learner.state_dict().values(), plain.learner.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, state, rtol=1e-3, atol=1e-4)


def test_a_gpu_tries_all_algorithms_of_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    fast.speed_up(torch.device("cpu"))
    assert not torch.backends.cudnn.benchmark
    fast.speed_up(torch.device("cuda"))
    assert torch.backends.cudnn.benchmark
