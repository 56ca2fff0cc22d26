"""The network against slow, plain restatements of the paper's equations."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d, conv3d

from gaittake.models import build_network
from gaittake.models.attention import TemporalAttention, split_clips, weighted_sum
from gaittake.models.build import build_gaittake
from gaittake.models.glconv import GLConv
from gaittake.models.pooling import GeM, SeparateHeads

SMALL = {
    "height": 16,
    "width": 8,
    "channels": (3, 4, 5, 6),
    "strips": 4,
    "clip_length": 4,
    "attention_width": 7,
    "embedding": 9,
}


def plain_leaky(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, x, 0.01 * x)


def plain_conv(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A 3x3x3 convolution as 27 shifted products."""
    n, c, s, h, w = x.shape
    padded = torch.zeros(n, c, s + 2, h + 2, w + 2)
    padded[:, :, 1:-1, 1:-1, 1:-1] = x
    total = torch.zeros(n, weight.shape[0], s, h, w)
    for i in range(3):
        for j in range(3):
            for k in range(3):
                window = padded[:, :, i : i + s, j : j + h, k : k + w]
                total += torch.einsum("ncshw,oc->noshw", window, weight[:, :, i, j, k])
    return total


@pytest.mark.parametrize("join", ["add", "rows"])
def test_glconv_is_equations_1_to_4(join: str) -> None:
    torch.manual_seed(0)
    layer = GLConv(2, 3, strips=4, join=join)
    x = torch.randn(2, 2, 5, 8, 6)
    whole = plain_conv(x, layer.whole.weight)  # eq. 1
    strips = [plain_conv(x[:, :, :, 2 * i : 2 * i + 2], layer.local.weight) for i in range(4)]
    local = torch.cat(strips, dim=3)  # eq. 2
    if join == "add":
        expected = plain_leaky(whole) + plain_leaky(local)  # eq. 3
    else:
        expected = plain_leaky(torch.cat([whole, local], dim=3))  # eq. 4
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)


def test_glconv_refuses_strips_that_do_not_divide_the_rows_and_unknown_joins() -> None:
    with pytest.raises(ValueError, match="join must be 'add' or 'rows', not 'sum'"):
        GLConv(1, 1, strips=1, join="sum")
    with pytest.raises(ValueError, match="3 strips must divide the 8 rows"):
        GLConv(1, 1, strips=3, join="add")(torch.zeros(1, 1, 2, 8, 4))


@pytest.mark.parametrize(("frames", "clips"), [(12, 3), (14, 3), (4, 1), (3, 1), (7, 1)])
def test_clips_are_equation_6(frames: int, clips: int) -> None:
    x = torch.arange(2.0 * frames).reshape(2, frames)
    cut = split_clips(x, 4)
    assert cut.shape == (2, clips, 4)
    kept = min(frames, clips * 4)
    assert cut.flatten(1)[:, :kept].equal(x[:, :kept])
    assert bool((cut.flatten(1)[:, kept:] == 0).all())


@pytest.mark.parametrize("frames", [3, 4, 9, 12])
def test_attention_is_equations_7_to_9(frames: int) -> None:
    torch.manual_seed(frames)
    attention = TemporalAttention(6, 5, clip_length=4)
    x = torch.randn(2, frames, 6)
    shares = attention(x, torch.full((2,), frames))
    length = min(4, frames)
    for sequence in range(2):
        clips = []
        for clip in range(max(1, frames // 4)):
            f = x[sequence, clip * length : (clip + 1) * length]  # [L, D], eq. 6
            hidden = (f @ attention.reduce.weight[:, :, 0].T + attention.reduce.bias).clamp(min=0)
            score = conv1d(hidden.T[None], attention.score.weight, attention.score.bias, padding=1)
            weights = score[0, 0].exp() / score[0, 0].exp().sum()  # eq. 8
            clips.append((weights[:, None] * f).sum(dim=0))  # eq. 7
        expected = torch.stack(clips).mean(dim=0)  # eq. 9
        torch.testing.assert_close(weighted_sum(x, shares)[sequence], expected)


def test_gem_is_equation_10_and_lies_between_mean_and_maximum() -> None:
    x = torch.rand(2, 3, 4, 5) + 0.1
    found = GeM(3.0)(x)
    for n in range(2):
        for c in range(3):
            for h in range(4):
                row = [float(value) ** 3 for value in x[n, c, h]]
                assert found[n, c, h].item() == pytest.approx((sum(row) / 5) ** (1 / 3), rel=1e-4)
    torch.testing.assert_close(GeM(1.0)(x), x.mean(dim=3))
    torch.testing.assert_close(GeM(200.0)(x), x.amax(dim=3), rtol=0.02, atol=0)


def plain_gem(x: torch.Tensor, power: torch.Tensor) -> torch.Tensor:
    """Equation 10, as it is written."""
    return x.clamp(min=1e-6).pow(power).mean(dim=-1).pow(1 / power)


@pytest.mark.parametrize("power", [1.0, 3.0, 6.5, 20.0])
def test_gem_has_the_values_and_gradients_of_equation_10(power: float) -> None:
    torch.manual_seed(0)
    gem = GeM(power).double()
    x = (torch.randn(2, 3, 4, 5).double() + 0.3).requires_grad_()  # some values are below the floor
    weights = torch.rand(2, 3, 4)
    found, expected = gem(x), plain_gem(x, gem.power)
    torch.testing.assert_close(found.double(), expected, rtol=2e-6, atol=0)
    inputs = [x, gem.power]
    found_gradients = torch.autograd.grad((found * weights).sum(), inputs)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), inputs)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-4, atol=2e-5)


@pytest.fixture
def flushed() -> Iterator[None]:
    """Treats denormal numbers as zero, as compiled GPU kernels do."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU cannot flush denormal numbers")
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushed")
def test_gem_of_a_row_at_the_floor_has_finite_gradients_without_denormal_numbers() -> None:
    assert torch.tensor(1e-30).square().item() == 0.0
    assert_finite_gem(6.5)


@pytest.mark.parametrize("power", [8.0, 50.0])
def test_gem_of_a_row_at_the_floor_has_finite_gradients_for_large_powers(power: float) -> None:
    assert_finite_gem(power)


def assert_finite_gem(power: float) -> None:
    gem, x = GeM(power), torch.rand(2, 3, 4, 5)
    x[0, 0, 0] = 0.0
    x.requires_grad_()
    pooled = gem(x)
    pooled.sum().backward()
    assert pooled[0, 0, 0].item() == pytest.approx(1e-6, rel=1e-3)
    assert gem.power.grad is not None
    assert bool(torch.isfinite(gem.power.grad).all())
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())


def test_gem_of_a_single_value_is_that_value() -> None:
    """So the pose feature passes eq. 10 unchanged."""
    x = torch.rand(2, 51, 1, 1) + 0.01
    torch.testing.assert_close(GeM(6.5)(x), x[..., 0], rtol=1e-4, atol=1e-5)


def test_heads_are_one_matrix_for_each_part() -> None:
    heads = SeparateHeads(4, 5, 6)
    x = torch.randn(2, 5, 4)
    for part in range(4):
        torch.testing.assert_close(heads(x)[:, part], x[:, :, part] @ heads.weight[part])


def test_the_whole_network_is_the_papers_figure() -> None:
    torch.manual_seed(1)
    network = build_gaittake(**SMALL).eval()
    silhouettes, keypoints = torch.rand(2, 9, 16, 8), torch.rand(2, 9, 17, 3)
    appearance, pose = network.branches["appearance"], network.branches["pose"]
    backbone = appearance.backbone
    x = plain_leaky(conv3d(silhouettes[:, None], backbone.stem.weight, padding=1))
    x = backbone.layers[0](x)
    x = torch.nn.functional.max_pool3d(x, (1, 2, 2))
    x = backbone.layers[2](backbone.layers[1](x))  # [2, 6, 9, 16, 4]
    flat = x.permute(0, 2, 1, 3, 4).reshape(2, 9, -1)  # eq. 5
    maps = plain_attention(appearance.pool.weights, flat).reshape(2, 6, 16, 4)
    p = appearance.gem.power.item()
    pooled = maps.clamp(min=1e-6).pow(p).mean(dim=3).pow(1 / p)  # eq. 10
    numbers = plain_attention(pose.pool.weights, keypoints.reshape(2, 9, 51))
    both = torch.cat([pooled, numbers[:, :, None].expand(2, 51, 16)], dim=1)
    expected = torch.einsum("ncp,pcd->npd", both, network.heads.joined.weight)
    torch.testing.assert_close(network(silhouettes, keypoints), expected, atol=1e-4, rtol=1e-4)


def plain_attention(attention: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return weighted_sum(x, attention(x, torch.full((len(x),), x.shape[1])))


@pytest.mark.parametrize("temporal", ["attention", "max", "mean"])
@pytest.mark.parametrize("lta", [False, True])
def test_padding_does_not_change_an_embedding(temporal: str, lta: bool) -> None:
    torch.manual_seed(2)
    network = build_gaittake(**SMALL, temporal=temporal, lta=lta).eval()
    with torch.no_grad():  # non-zero biases would reveal padding
        for module in network.modules():
            if isinstance(module, nn.Conv1d) and module.bias is not None:
                module.bias.uniform_(0.5, 1.0)
    counts = torch.tensor([15, 3, 8, 11])
    silhouettes, keypoints = torch.zeros(4, 15, 16, 8), torch.zeros(4, 15, 17, 3)
    for i, count in enumerate(counts):
        silhouettes[i, :count] = torch.rand(int(count), 16, 8)
        keypoints[i, :count] = torch.rand(int(count), 17, 3)
    together = network(silhouettes, keypoints, counts)
    for i, count in enumerate(counts):
        alone = network(silhouettes[i : i + 1, :count], keypoints[i : i + 1, :count])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-4)


def test_parameters_of_each_block_of_the_casiab_preset() -> None:
    counts = block_parameters(build_gaittake())
    assert counts == {
        "appearance.backbone.stem": 27 * 32,
        "appearance.backbone.layers.0": 2 * 27 * 32 * 64,
        "appearance.backbone.layers.1": 2 * 27 * 64 * 128,
        "appearance.backbone.layers.2": 2 * 27 * 128 * 128,
        "appearance.pool": 128 * 64 * 22 * 256 + 256 + 256 * 3 + 1,
        "appearance.gem": 1,
        "pose.pool": 51 * 64 + 64 + 64 * 3 + 1,
        "heads": 64 * (128 + 51) * 128,
    }
    assert sum(counts.values()) == 49_046_819


def test_parameters_of_each_block_of_the_oumvlp_preset() -> None:
    network = build_gaittake(channels=(32, 64, 128, 128, 256, 256), strips=2, embedding=256)
    counts = block_parameters(network)
    pairs = [(32, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
    for position, (before, after) in enumerate(pairs):
        assert counts[f"appearance.backbone.layers.{position}"] == 2 * 27 * before * after
    assert counts["heads"] == 64 * (256 + 51) * 256
    assert network.branches["appearance"].backbone.layers[-1].join == "rows"
    assert [layer.join for layer in network.branches["appearance"].backbone.layers[:-1]] == [
        "add"
    ] * 4


def test_strips_attention_has_two_million_weights() -> None:
    counts = block_parameters(build_gaittake(attention_input="strips"))
    assert counts["appearance.pool"] == 128 * 64 * 256 + 256 + 256 * 3 + 1


def block_parameters(network: nn.Module) -> dict[str, int]:
    """Returns the number of weights by branch and block."""
    counts: dict[str, int] = {}
    for name, weight in network.named_parameters():
        parts = name.removeprefix("branches.").split(".")
        depth = 1 if parts[0] == "heads" else 2
        if parts[1] == "backbone":
            depth = 4 if parts[2] == "layers" else 3
        block = ".".join(parts[:depth])
        counts[block] = counts.get(block, 0) + weight.numel()
    return counts


def test_each_branch_works_alone() -> None:
    silhouettes, keypoints = torch.rand(2, 6, 16, 8), torch.rand(2, 6, 17, 3)
    only_pose = build_gaittake(**SMALL, silhouettes=False)
    assert only_pose(silhouettes, keypoints).shape == (2, 1, 9)
    assert only_pose(silhouettes * 0, keypoints).equal(only_pose(silhouettes, keypoints))
    only_shape = build_gaittake(**SMALL, keypoints=False)
    assert only_shape(silhouettes, keypoints * 0).equal(only_shape(silhouettes, keypoints))
    with pytest.raises(ValueError, match="at least one must be used"):
        build_gaittake(**SMALL, silhouettes=False, keypoints=False)


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("temporal", "'attention', 'max' or 'mean'"),
        ("attention_input", "'flat' or 'strips'"),
        ("fusion", "'appended', 'apart' or 'attention'"),
    ],
)
def test_an_unknown_word_is_refused(field: str, known: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be {known}, not 'median'"):
        build_gaittake(**SMALL, **{field: "median"})


def test_every_weight_gets_a_gradient() -> None:
    network = build_gaittake(**SMALL)
    network(torch.rand(2, 6, 16, 8), torch.rand(2, 6, 17, 3)).square().sum().backward()
    without = [n for n, w in network.named_parameters() if w.grad is None or not w.grad.any()]
    # A constant added to all scores does not change a softmax, so its gradient may be zero.
    assert [name for name in without if not name.endswith("score.bias")] == []


def test_gei_is_the_mean_silhouette() -> None:
    silhouettes = torch.rand(2, 5, 4, 3)
    silhouettes[1, 3:] = 0
    found = build_network("gei")(silhouettes, torch.zeros(2, 5, 17, 3), torch.tensor([5, 3]))
    torch.testing.assert_close(found[0, 0], silhouettes[0].mean(dim=0).flatten())
    torch.testing.assert_close(found[1, 0], silhouettes[1, :3].mean(dim=0).flatten())
