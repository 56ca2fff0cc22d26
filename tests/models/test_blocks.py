"""The optimised blocks against plain PyTorch: the same results and gradients."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv3d, leaky_relu, max_pool3d

from gaittake.models.attention import weighted_sum
from gaittake.models.blocks import Stem, by_strips, conv3, halve
from gaittake.models.frames import column_means, fold_frames
from gaittake.models.glconv import Backbone


def assert_same(
    fast: Callable[[], Tensor], plain: Callable[[], Tensor], inputs: Sequence[Tensor]
) -> None:
    """Compares results and the inputs' gradients, in float32."""
    found, expected = fast(), plain()
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    found_gradients = torch.autograd.grad((found * weights).sum(), inputs)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), inputs)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5 * float(other.abs().max()), rtol=1e-4)


def random(*shape: int, last: bool = False) -> Tensor:
    """Returns a random tensor that needs a gradient; `last`: channels-last in memory."""
    x = torch.randn(*shape)
    if last:
        x = x.movedim(1, -1).contiguous().movedim(-1, 1)
    return x.requires_grad_()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("frames", [1, 2, 5, 6])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("planes", [1, 3])
def test_the_stem_is_a_convolution_over_time(planes: int, stride: int, frames: int) -> None:
    stem, x = Stem(planes, 4, stride=stride), random(2, planes, frames, 6, 5)

    def plain() -> Tensor:
        return conv3d(x, stem.weight, stride=(stride, 1, 1), padding=1)

    assert_same(lambda: stem(x), plain, [x, stem.weight])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("strips", [1, 2, 4])
def test_strips_are_convolved_separately(strips: int, last: bool) -> None:
    flat, x2 = random(4, 3, 3, 3), random(5, 3, 8, 6, last=last)
    deep, x3 = random(4, 3, 3, 3, 3), random(2, 3, 5, 8, 6, last=last)
    for run, x, weight in ((conv2d, x2, flat), (conv3d, x3, deep)):

        def whole(cut: Tensor, run: Callable[..., Tensor] = run, weight: Tensor = weight) -> Tensor:
            return run(cut, weight, padding=1)

        def plain(x: Tensor = x, whole: Callable[[Tensor], Tensor] = whole) -> Tensor:
            return torch.cat([whole(strip) for strip in x.chunk(strips, dim=-2)], dim=-2)

        def fast(x: Tensor = x, whole: Callable[[Tensor], Tensor] = whole) -> Tensor:
            return by_strips(whole, x, strips)

        assert_same(fast, plain, [x, weight])


@pytest.mark.parametrize("last", [False, True])
def test_halving_is_max_pooling_over_space_only(last: bool) -> None:
    x = random(2, 3, 5, 8, 7, last=last)  # the last column is dropped
    assert_same(lambda: halve(x), lambda: max_pool3d(x, (1, 2, 2)), [x])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("frames", [3, 8, 9])
def test_a_weighted_sum_uses_the_frames_of_the_clips(frames: int, last: bool) -> None:
    x, shares = random(2, 3, frames, 4, 6, last=last), torch.rand(2, 2, 4).requires_grad_()
    used = min(frames, 8)

    def plain() -> Tensor:
        return torch.einsum("ncshw,ns->nchw", x[:, :, :used], shares.flatten(1)[:, :used])

    assert_same(lambda: weighted_sum(x.transpose(1, 2), shares), plain, [x, shares])


def plain_backbone(backbone: Backbone, x: Tensor) -> Tensor:
    """Returns features `[n, c, s, h, w]` of whole sequences, computed by plain PyTorch."""
    x = leaky_relu(conv3d(x, backbone.stem.weight, padding=1), 0.01)
    if backbone.lta is not None:
        x = leaky_relu(conv3d(x, backbone.lta.weight, stride=(3, 1, 1)), 0.01)
    for position, layer in enumerate(backbone.layers):
        whole = conv3d(x, layer.whole.weight, padding=1)
        strips = x.chunk(layer.strips, dim=3)
        local = torch.cat([conv3d(strip, layer.local.weight, padding=1) for strip in strips], dim=3)
        if layer.join == "rows":
            x = leaky_relu(torch.cat([whole, local], dim=3), 0.01)
        else:
            x = leaky_relu(whole, 0.01) + leaky_relu(local, 0.01)
        x = max_pool3d(x, (1, 2, 2)) if position == 0 else x
    return x


@pytest.mark.parametrize("frames", [2, 6])
@pytest.mark.parametrize("lta", [False, True])
def test_the_backbone_learns_as_the_plain_one_does(lta: bool, frames: int) -> None:
    frames *= 3 if lta else 1
    backbone, x = Backbone((3, 4, 5, 6), strips=4, lta=lta), torch.rand(2, 1, frames, 16, 10)
    weights = list(backbone.parameters())
    assert_same(lambda: backbone(x, None)[0], lambda: plain_backbone(backbone, x), weights)


def test_features_are_channels_last_in_memory() -> None:
    """Otherwise convolutions and pools are slower, with the same results."""
    backbone, seen = Backbone((3, 4, 5, 6), strips=4, lta=False), []

    def look(_: torch.nn.Module, given: tuple[Tensor, ...], __: Tensor) -> None:
        seen.append(given[0].is_contiguous(memory_format=torch.channels_last_3d))

    for layer in backbone.modules():
        if isinstance(layer, type(conv3(1, 1))):
            layer.register_forward_hook(look)
    backbone(torch.rand(2, 1, 6, 16, 10), None)
    assert seen == [True] * 6
    frames = conv2d(fold_frames(torch.rand(2, 6, 16, 10), 2), torch.rand(3, 1, 3, 3), padding=1)
    assert frames.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("last", [False, True])
def test_column_means_are_means_over_columns(last: bool) -> None:
    x = random(2, 3, 5, 8, 11, last=last)
    frames = x.transpose(1, 2)
    assert_same(lambda: column_means(frames), lambda: frames.mean(dim=4, keepdim=True), [x])
