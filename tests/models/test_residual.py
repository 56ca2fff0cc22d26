"""GaitBase, DeepGaitV2, SkeletonGait++ and attention fusion against plain restatements."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv3d, normalize

from gaittake.models import build_network
from gaittake.models.build import build_gaittake
from gaittake.models.fusion import AttentionFusion
from gaittake.models.maps import skeleton_maps
from gaittake.models.pooling import PartNeck
from gaittake.models.residual import Residual
from tests.models.test_peers import COLUMNS, ROWS, assert_same, bins, tiny

NO_KEYPOINTS = torch.zeros(2, 5, 17, 3)


def normal(x: Tensor, norm: nn.Module) -> Tensor:
    """Batch normalisation with the running statistics."""
    shape = [1, -1] + [1] * (x.dim() - 2)
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean.view(shape)) * scale.view(shape) + norm.bias.view(shape)


def per_frame(x: Tensor, layer: nn.Module, stride: int = 1) -> Tensor:
    """A 2D layer of ConvNorm, frame by frame."""
    weight = layer.conv.weight
    frames = [
        conv2d(x[:, :, s], weight, stride=stride, padding=weight.shape[2] // 2)
        for s in range(x.shape[2])
    ]
    return normal(torch.stack(frames, dim=2), layer.norm)


def over_time(x: Tensor, layer: nn.Module, stride: int = 1) -> Tensor:
    """A 3D layer of ConvNorm."""
    weight = layer.conv.weight
    padding = [size // 2 for size in weight.shape[2:]]
    return normal(conv3d(x, weight, stride=(1, stride, stride), padding=padding), layer.norm)


def residual(x: Tensor, block: nn.Module, mode: str, stride: int = 1) -> Tensor:
    both = over_time if mode == "3d" else per_frame
    a = both(x, block.one, stride).relu()
    if mode == "p3d":
        a = (a + over_time(a, block.time)).relu()
    shortcut = x if block.skip is None else per_frame(x, block.skip, stride)
    return (both(a, block.two) + shortcut).relu()


def first(x: Tensor, stage: nn.Module) -> Tensor:
    x = per_frame(x, stage.stem).relu()
    for block in stage.blocks:
        x = residual(x, block, "2d")
    return x


def later(x: Tensor, network: nn.Module, mode: str) -> Tensor:
    for stage, stride in zip(network.later.stages, (2, 2, 1), strict=True):
        for number, block in enumerate(stage):
            x = residual(x, block, mode, 1 if number else stride)
    strips = bins(x.amax(dim=2), 4)  # [n, c, p]
    return torch.einsum("ncp,pcd->npd", strips, network.head.heads.weight)


@pytest.mark.parametrize("mode", ["2d", "3d", "p3d"])
def test_deepgaitv2_is_its_figure(mode: str) -> None:
    network = tiny("deepgaitv2", mode=mode)
    x = torch.rand(2, 5, ROWS, COLUMNS)
    expected = later(first(x[:, None], network.first), network, mode)
    assert_same(network(x, NO_KEYPOINTS), expected)


def test_gaitbase_is_its_figure() -> None:
    network = tiny("gaitbase")
    x = torch.rand(2, 5, ROWS, COLUMNS)
    expected = later(first(x[:, None], network.first), network, "2d")
    assert_same(network(x, NO_KEYPOINTS), expected)


def chosen(one: Tensor, other: Tensor, fusion: nn.Module) -> Tensor:
    """Attention fusion: a softmax over the two inputs."""
    x = per_frame(torch.cat([one, other], dim=1), fusion.reduce).relu()
    x = per_frame(x, fusion.mix).relu()
    scores = conv3d(x, fusion.score.weight)
    n, c = one.shape[:2]
    share = scores.reshape(n, 2, c, *scores.shape[2:]).softmax(dim=1)
    return share[:, 0] * one + share[:, 1] * other


@pytest.mark.parametrize("drawn", ["aligned", "centred"])
def test_skeletongait_plus_is_its_figure(drawn: str) -> None:
    network = tiny("skeletongait_plus", skeleton_maps=drawn)
    x, keypoints = torch.rand(2, 5, ROWS, COLUMNS), torch.rand(2, 5, 17, 3)
    maps = skeleton_maps(
        keypoints, rows=ROWS, columns=COLUMNS, deviation=1 / 16, centred=drawn == "centred"
    )
    fused = chosen(
        first(x[:, None], network.silhouettes), first(maps, network.maps), network.fusion
    )
    assert_same(network(x, keypoints), later(fused, network, "p3d"))


def test_the_order_of_frames_matters_only_with_convolutions_over_time() -> None:
    x = torch.rand(2, 9, ROWS, COLUMNS)
    keypoints, order = torch.zeros(2, 9, 17, 3), torch.randperm(9)
    for network, matters in (("gaitbase", False), ("deepgaitv2", True)):
        built = tiny(network)
        one, other = built(x, keypoints), built(x[:, order], keypoints)
        assert torch.allclose(one, other, atol=1e-6) is not matters


def test_behind_the_bnneck_each_part_is_normalised_and_has_length_one() -> None:
    network = tiny("deepgaitv2", neck=True)
    x = torch.rand(2, 5, ROWS, COLUMNS)
    for value in (network.head.neck.norm.running_mean, network.head.neck.norm.running_var):
        value.uniform_(0.5, 1.5)
    found = network(x, NO_KEYPOINTS)
    plain = network.head.neck
    network.head.neck = None
    before = network(x, NO_KEYPOINTS)  # [n, p, d]
    expected = torch.stack(
        [
            normalize(
                (before[:, p] - plain.norm.running_mean[6 * p : 6 * p + 6])
                / (plain.norm.running_var[6 * p : 6 * p + 6] + 1e-5).sqrt(),
                dim=1,
            )
            for p in range(4)
        ],
        dim=1,
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    neck = PartNeck(4, 6).train()
    assert neck(before).equal(before)  # training uses the embeddings before it


@pytest.mark.parametrize("network", ["gaitgl", "deepgaitv2"])
def test_embeddings_behind_a_bnneck_do_not_depend_on_padding(network: str) -> None:
    built = tiny(network, **({"head": "bnneck"} if network == "gaitgl" else {"neck": True}))
    x, counts = torch.rand(2, 9, ROWS, COLUMNS), torch.tensor([9, 6])
    x[1, 6:] = 0
    together = built(x, torch.zeros(2, 9, 17, 3), counts)
    assert_same(together[1:], built(x[1:, :6], torch.zeros(1, 6, 17, 3)))
    torch.testing.assert_close(together.norm(dim=2), torch.ones(together.shape[:2]))


def attentive(**changes: Any) -> nn.Module:
    torch.manual_seed(0)
    small = {"height": 16, "width": 8, "channels": (2, 3, 4), "strips": 4, "embedding": 5}
    return build_gaittake(**small | changes, fusion="attention")


def test_gaittake_fuses_maps_with_the_silhouettes_in_place_of_the_pose_branch() -> None:
    network = attentive()
    assert list(network.branches) == ["appearance"]
    images, keypoints = torch.rand(2, 10, 16, 8), torch.rand(2, 10, 17, 3)
    network.train()(images, keypoints)
    network.eval()
    found = network(images, keypoints)
    assert found.shape == (2, 16, 5)
    assert not found.equal(network(images, keypoints.flip(1)))
    assert not found.equal(network(images.flip(1), keypoints))
    backbone = network.branches["appearance"].backbone
    planes = network.branches["appearance"].images(images, keypoints)
    stems = [
        torch.where(y > 0, y, 0.01 * y)
        for y in (
            conv3d(planes[:, :1], backbone.stem.weight, padding=1),
            conv3d(planes[:, 1:], backbone.map_stem.weight, padding=1),
        )
    ]
    expected = chosen(*stems, backbone.fusion)
    torch.testing.assert_close(backbone._begun(planes, None), expected, atol=1e-5, rtol=1e-4)


def test_attention_fusion_does_not_depend_on_padding() -> None:
    network, keypoints = attentive(clip_length=4).eval(), torch.rand(2, 9, 17, 3)
    images, counts = torch.rand(2, 9, 16, 8), torch.tensor([9, 5])
    images[1, 5:], keypoints[1, 5:] = 0, 0
    together = network(images, keypoints, counts)
    assert_same(together[1:], network(images[1:, :5], keypoints[1:, :5]))


def test_attention_fusion_with_one_sided_scores_is_one_of_the_inputs() -> None:
    fusion = AttentionFusion(4).eval()
    one, other = torch.rand(2, 4, 3, 8, 6), torch.rand(2, 4, 3, 8, 6)
    with torch.no_grad():
        fusion.mix.norm.bias.fill_(1.0)
        fusion.mix.conv.weight.zero_()
        fusion.score.weight[:4], fusion.score.weight[4:] = 50.0, -50.0
    torch.testing.assert_close(fusion(one, other, None), one)


def test_attention_needs_both_inputs_and_a_residual_block_a_known_mode() -> None:
    for changes in ({"silhouettes": False}, {"keypoints": False}, {"skeleton_maps": True}):
        with pytest.raises(ValueError, match="'attention' needs silhouettes and keypoints"):
            attentive(**changes)
    with pytest.raises(ValueError, match="mode must be '2d', '3d' or 'p3d', not '4d'"):
        build_network("deepgaitv2", mode="4d")
    with pytest.raises(ValueError, match="skeleton_maps must be 'centred' or 'aligned', not 'x'"):
        build_network("skeletongait_plus", skeleton_maps="x")


def test_a_block_of_equal_channels_and_stride_has_no_convolution_in_its_shortcut() -> None:
    assert Residual(4, 4).skip is None
    assert Residual(4, 4, stride=2).skip is not None
    assert Residual(4, 6).skip is not None
