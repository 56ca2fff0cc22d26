"""Training steps never wait for the device, and networks can be compiled."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gaittake.data.store import load_store
from gaittake.models import build_network
from gaittake.settings import Train, TrainStage
from gaittake.training import engine, fast, step
from gaittake.training.distributed import ALONE
from tests.models.test_peers import COLUMNS, ROWS, TINY

META = torch.device("meta")


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


def training_without_numbers(
    cache: Path, monkeypatch: pytest.MonkeyPatch, network: str, **changes: Any
) -> step.Training:
    """Returns a training on the meta device, where reading a number raises an error."""
    monkeypatch.setattr(step, "autocast", lambda *_, **__: nullcontext())
    numbers = {"subjects_per_batch": 3, "sequences_per_subject": 2, "frames": 6, "steps": 8}
    stage = TrainStage(
        seed=0,
        network=network,
        model=TINY[network] | {"embedding": 6},
        train=Train.model_validate(numbers | changes),
        subjects=("001", "002", "003", "004"),
    )
    store = load_store(cache, stage.subjects, torch.device("cpu"))
    there = store._replace(
        silhouettes=store.silhouettes.to(META),
        keypoints=store.keypoints.to(META),
        device=META,
    )
    return engine._prepare(stage, there, META, ALONE)


@pytest.mark.parametrize("loss", ["adaptive", "batch_hard", "batch_all"])
@pytest.mark.parametrize("network", TINY)
def test_a_step_never_waits_for_a_number_of_the_device(
    cache: Path, monkeypatch: pytest.MonkeyPatch, network: str, loss: str
) -> None:
    switches = {"cross_entropy": 0.5, "neck": True, "mirror": 0.5, "rotate": 0.5, "erase": 0.5}
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
    monkeypatch.setattr(step, "triplet_loss", lambda e, s, **given: real(e[e > 0], s, **given))
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        step.train_step(training, 0)
    with NoCopiesToTheDevice(), pytest.raises(AssertionError, match="waits"):
        torch.rand(3).to(META)


@pytest.mark.parametrize("network", ["gaitgl", "gaittake"])
def test_a_network_compiles_as_one_piece_and_learns_the_same(network: str) -> None:
    torch.manual_seed(0)
    numbers = {"height": ROWS, "width": COLUMNS, "embedding": 6} | TINY[network]
    built = build_network(network, **numbers)
    names = list(built.state_dict())
    batch = torch.rand(3, 12, ROWS, COLUMNS), torch.rand(3, 12, 17, 3)
    expected = gradients(built, batch)
    built.compile(backend="eager", fullgraph=True)
    found = gradients(built, batch)
    for one, other in zip(found, expected, strict=True):
        largest = float(other.detach().abs().max())
        torch.testing.assert_close(one, other, atol=1e-5 * largest, rtol=1e-4)
    assert list(built.state_dict()) == names


def gradients(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> list[Tensor]:
    """Returns the embeddings and the gradient of each weight that has one."""
    embeddings = network(*batch)
    weights = list(network.parameters())
    total = (embeddings * torch.linspace(-1, 1, embeddings.numel()).view_as(embeddings)).sum()
    found = torch.autograd.grad(total, weights, allow_unused=True)
    return [embeddings, *(gradient for gradient in found if gradient is not None)]


def test_a_gpu_tries_all_algorithms_of_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    fast.speed_up(torch.device("cpu"))
    assert not torch.backends.cudnn.benchmark
    fast.speed_up(torch.device("cuda"))
    assert torch.backends.cudnn.benchmark
