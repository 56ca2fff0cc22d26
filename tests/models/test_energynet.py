"""EnergyNet: energy images against plain loops; length, order and padding of a sequence."""

import numpy as np
import pytest
import torch

from gaittake.models.energynet import (
    GEI_STRIPS,
    GEI_WEIGHT,
    EnergyNet,
    GeiStrips,
    SaturatedParts,
    energies,
)


def walk(n: int = 2, s: int = 12) -> torch.Tensor:
    """Returns sequences of a trunk on legs that open and close."""
    result = torch.zeros(n, s, 64, 44)
    result[:, :, :40, 18:26] = 1
    for frame in range(s):
        spread = abs(frame % 8 - 4)
        result[:, frame, 40:, 20 - 2 * spread : 22 - 2 * spread] = 1
        result[:, frame, 40:, 22 + 2 * spread : 24 + 2 * spread] = 1
    return result


def test_mean_and_deviation_are_those_of_the_frames() -> None:
    torch.manual_seed(0)
    x = (torch.rand(2, 9, 16, 12) > 0.5).float()
    found = energies(x)
    np.testing.assert_allclose(found.mean, x.numpy().mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.deviation, x.numpy().std(axis=1), atol=2e-3)


def test_open_legs_are_wider_than_closed_ones() -> None:
    found = energies(walk())
    outer = [image[:, 48:, :16].sum() for image in (found.open_legs, found.closed_legs)]
    assert outer[0] > 4 * outer[1]
    # Each is a mean of frames: where the trunk always is, all are 1.
    for image in (found.mean, found.open_legs, found.closed_legs):
        torch.testing.assert_close(image[:, :40, 18:26], torch.ones(2, 40, 8))


def test_order_repetition_and_padding_change_nothing() -> None:
    torch.manual_seed(0)
    network = EnergyNet(channels=4, embedding=8).eval()
    x = walk(s=16)
    keypoints = torch.zeros(2, 16, 17, 3)
    with torch.inference_mode():
        usual = network(x, keypoints)
        shuffled = network(x[:, torch.randperm(16)], keypoints)
        twice = network(torch.cat([x, x], dim=1), keypoints)
        padded = network(
            torch.cat([x, torch.zeros(2, 5, 64, 44)], dim=1), keypoints, torch.tensor([16, 16])
        )
    assert usual.shape == (2, 16, 8)
    for other in (shuffled, twice, padded):
        torch.testing.assert_close(other, usual, rtol=1e-4, atol=1e-4)


def test_a_person_who_stands_still_gives_finite_gradients() -> None:
    network = EnergyNet(channels=4, embedding=8)
    x = torch.zeros(3, 5, 64, 44)
    x[0, :, :, 20:24] = 1
    network(x, torch.zeros(3, 5, 17, 3)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_height_that_four_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="found 62 x 44"):
        EnergyNet(height=62)


def test_saturated_distances_are_the_kernels() -> None:
    torch.manual_seed(0)
    saturated = SaturatedParts(3, 8, scale=0.5).eval()
    one, step = torch.randn(1, 3, 8), torch.randn(1, 3, 8)
    step /= step.norm(dim=2, keepdim=True)
    for distance in (0.1, 0.5, 5.0):
        found = (saturated(one) - saturated(one + distance * step)).norm(dim=2)
        expected = (2 - 2 * np.exp(-((distance / 0.5) ** 2) / 2)) ** 0.5
        np.testing.assert_allclose(found, np.full((1, 3), expected), rtol=0.15)
    assert saturated.train()(one).equal(one)


def test_the_scale_follows_the_spread_of_training() -> None:
    saturated = SaturatedParts(3, 8, scale=0.5)
    before = saturated.eval()(torch.ones(1, 3, 8))
    saturated.training_spread.spread.fill_(4.0)
    torch.testing.assert_close(saturated(4 * torch.ones(1, 3, 8)), before)


def test_gei_strips_are_near_only_if_they_are_much_alike() -> None:
    torch.manual_seed(0)
    strips = GeiStrips(64, 44, scale=0.05)
    image = torch.rand(1, 64, 44)
    for difference, expected in ((0.01, 0.198), (0.05, 0.887), (0.2, 1.414), (0.5, 1.414)):
        other = image.clone()
        other[:, 24:32] += difference * torch.randn(8, 44).sign()  # the fourth strip alone
        found = (strips(image) - strips(other)).norm(dim=2)[0] / GEI_WEIGHT
        assert found[3].item() == pytest.approx(expected, rel=0.15)
        assert found[[0, 1, 2, 4, 5, 6, 7]].eq(0).all()


def test_gei_strips_are_added_outside_of_training_alone() -> None:
    torch.manual_seed(0)
    network = EnergyNet(channels=4, embedding=8, saturation=0.3, gei_scale=0.05)
    x, keypoints = walk(), torch.zeros(2, 12, 17, 3)
    assert network.train()(x, keypoints).shape == (2, 16, 8)
    plain = EnergyNet(channels=4, embedding=8, saturation=0.3)
    assert plain.load_state_dict(network.state_dict(), strict=False).unexpected_keys == [
        "gei.waves"
    ]
    with torch.inference_mode():
        found, without = network.eval()(x, keypoints), plain.eval()(x, keypoints)
    assert found.shape == (2, 16 + GEI_STRIPS, without.shape[2])
    assert found[:, :16].equal(without)


def test_gei_strips_need_saturated_parts() -> None:
    with pytest.raises(ValueError, match="gei_scale needs saturation"):
        EnergyNet(gei_scale=0.05)
    with pytest.raises(ValueError, match="found 60 x 44"):
        EnergyNet(height=60, saturation=0.3, gei_scale=0.05)
