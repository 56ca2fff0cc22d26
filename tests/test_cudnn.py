"""Versions of cuDNN that compute 3D convolutions in 16 bits wrongly or slowly."""

import logging

import pytest
import torch
from torch import nn

from gaittake.cudnn import check_convolutions, conv3d_fault
from gaittake.errors import UserError
from gaittake.models import build_network
from tests.models.test_peers import COLUMNS, ROWS, TINY

GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize(
    ("pytorch", "cudnn", "fault"),
    [
        ("2.8.0+cu126", 90_701, ""),
        ("2.8.0+cu128", 90_800, "wrong"),
        ("2.8.0+cu128", 91_002, "wrong"),
        ("2.8.0+cu128", 91_501, ""),
        ("2.9.1+cu128", 91_002, "slow"),
        ("2.10.0a0+git1", 91_400, "slow"),
        ("2.14.1+cu130", 91_499, "slow"),
        ("2.14.1+cu130", 91_500, ""),
        ("2.14.1+cu130", 92_400, ""),
        ("2.14.1+cpu", None, ""),
    ],
)
def test_the_table_of_versions(pytorch: str, cudnn: int | None, fault: str) -> None:
    assert conv3d_fault(pytorch, cudnn) == fault


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Fakes the versions of PyTorch and cuDNN."""
    pytorch, cudnn = request.param
    monkeypatch.setattr(torch, "__version__", pytorch)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: cudnn)


def built(network: str) -> nn.Module:
    return build_network(network, height=ROWS, width=COLUMNS, embedding=6, **TINY[network])


@pytest.mark.parametrize("installed", [("2.8.0", 91_002)], indirect=True)
@pytest.mark.usefixtures("installed")
def test_wrong_results_are_refused_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"cuDNN 9\.10 with PyTorch 2\.8\.0 .* bfloat16.*9\.15"):
        check_convolutions(built("gaittake"), GPU, torch.bfloat16)
    with pytest.raises(UserError, match=r"float16.*train\.precision: float32"):
        check_convolutions(built("deepgaitv2"), GPU, torch.float16)


@pytest.mark.parametrize("installed", [("2.8.0", 91_002)], indirect=True)
@pytest.mark.usefixtures("installed")
def test_float32_other_devices_and_networks_without_3d_convolutions_are_not_affected(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_convolutions(built("gaittake"), GPU, torch.float32)
    check_convolutions(built("gaittake"), CPU, torch.bfloat16)
    for network in ("energynet", "gaitset", "gaitpart", "gaitbase"):
        check_convolutions(built(network), GPU, torch.bfloat16)
    monkeypatch.setattr(torch.version, "hip", "6.0")
    check_convolutions(built("gaittake"), GPU, torch.bfloat16)
    assert caplog.text == ""


@pytest.mark.parametrize("installed", [("2.11.0", 91_002)], indirect=True)
@pytest.mark.usefixtures("installed")
def test_slow_convolutions_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_convolutions(built("gaitgl"), GPU, torch.bfloat16)
    assert "cuDNN 9.10 with PyTorch 2.11.0 computes 3D convolutions in bfloat16 slow" in caplog.text
