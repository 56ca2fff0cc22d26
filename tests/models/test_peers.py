"""The peers against plain restatements of their figures, and properties of all networks."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, conv1d, conv2d, conv3d, max_pool1d, max_pool2d

from gaittake.models import NETWORKS, build_network
from gaittake.models.blocks import SameConv3d
from gaittake.models.pooling import SeparateHeads
from gaittake.settings import SECTIONS, SIZES, follows_order, uses_keypoints

ROWS, COLUMNS = 16, 8
# Small enough for milliseconds, with all optional modules.
TINY: dict[str, dict[str, Any]] = {
    "energynet": {"channels": 3},
    "gaitset": {"channels": (2, 3, 4), "bins": (4, 2, 1)},
    "gaitpart": {"channels": (2, 4, 8), "strips": (1, 4, 4), "parts": 4},
    "mt3d": {"channels": (2, 3, 4, 5)},
    "gaitgl": {"channels": (2, 3, 4, 5), "strips": 4, "head": "iccv"},
    "gaitbase": {"channels": (2, 3, 4, 5), "parts": 4},
    "deepgaitv2": {"channels": (2, 3, 4, 5), "parts": 4, "blocks": (1, 2, 1, 2)},
    "skeletongait_plus": {"channels": (2, 3, 4, 5), "parts": 4, "skeleton_maps": "aligned"},
    "gaittake": {
        "channels": (2, 3, 4, 5),
        "strips": 4,
        "clip_length": 4,
        "attention_width": 6,
        "pose_channels": 7,
        "skeleton_maps": True,
        "lta": True,
    },
}


def tiny(network: str, **changes: Any) -> nn.Module:
    """Returns a small network in evaluation mode, with running statistics of some sequences."""
    torch.manual_seed(0)
    numbers = {"height": ROWS, "width": COLUMNS, "embedding": 6} | TINY[network] | changes
    built = build_network(network, **numbers)
    with torch.no_grad():
        built.train()(torch.rand(6, 9, ROWS, COLUMNS), torch.rand(6, 9, 17, 3))
    return built.eval()


def assert_same(found: Tensor, expected: Tensor) -> None:
    """Compares relative to the spread, because embeddings of untrained networks are small."""
    assert found.shape == expected.shape
    difference = (found - expected).detach().abs().max()
    assert float(difference) < 1e-4 * float(expected.detach().std())


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.01 * x)


def conv(x: Tensor, weight: Tensor) -> Tensor:
    """A convolution that keeps the size."""
    run = conv2d if weight.dim() == 4 else conv3d
    return run(x, weight, padding=[size // 2 for size in weight.shape[2:]])


def pair(x: Tensor, block: nn.Module, strips: int = 1) -> Tensor:
    for weight in (block.one.weight, block.two.weight):
        pieces = [leaky(conv(piece, weight)) for piece in x.chunk(strips, dim=2)]
        x = torch.cat(pieces, dim=2)
    return x


def bins(x: Tensor, count: int) -> Tensor:
    pieces = [piece.flatten(2) for piece in x.chunk(count, dim=2)]
    return torch.stack([p.mean(dim=2) + p.amax(dim=2) for p in pieces], dim=2)


def test_gaitset_is_its_figure() -> None:
    network = tiny("gaitset")
    x = torch.rand(2, 5, ROWS, COLUMNS)
    expected = []
    for sequence in x:
        one = max_pool2d(pair(sequence[:, None], network.frames[0]), 2)
        two = max_pool2d(pair(one, network.frames[1]), 2)
        three = pair(two, network.frames[2])
        sets = [each.amax(dim=0, keepdim=True) for each in (one, two, three)]
        branch = max_pool2d(pair(sets[0], network.sets[0]), 2)
        branch = pair(branch + sets[1], network.sets[1]) + sets[2]
        maps = [bins(each, count) for count in (4, 2, 1) for each in (sets[2], branch)]
        strips = torch.cat(maps, dim=2)[0]  # [c, p]
        expected.append(torch.stack([network.heads.weight[p].T @ strips[:, p] for p in range(14)]))
    found = network(x, torch.zeros(2, 5, 17, 3))
    assert_same(found, torch.stack(expected))


def test_gaitset_ignores_the_order_of_frames() -> None:
    x, keypoints = torch.rand(2, 9, ROWS, COLUMNS), torch.zeros(2, 9, 17, 3)
    network = tiny("gaitset")
    assert_same(network(x, keypoints), network(x[:, torch.randperm(9)], keypoints))


def test_gaitpart_is_its_figures() -> None:
    network = tiny("gaitpart")
    x = torch.rand(2, 6, ROWS, COLUMNS)
    frames = max_pool2d(pair(x.flatten(0, 1)[:, None], network.blocks[0]), 2)
    frames = pair(max_pool2d(pair(frames, network.blocks[1], 4), 2), network.blocks[2], 4)
    parts = bins(frames, 4).reshape(2, 6, 8, 4)  # [n, s, c, p]
    expected = []
    for p in range(4):
        part = parts[..., p].transpose(1, 2)  # [n, c, s]
        total = torch.zeros(2, 8, 6)
        for branch, window, last in ((network.short, 3, 0), (network.long, 5, 1)):
            one, two = branch.one.weight.chunk(4)[p], branch.two.weight.chunk(4)[p]
            gate = conv1d(leaky(conv1d(part, one, padding=1)), two, padding=last).sigmoid()
            around = (window, 1, window // 2)
            total += gate * (avg_pool1d(part, *around) + max_pool1d(part, *around))
        expected.append(total.amax(dim=2) @ network.heads.weight[p])
    found = network(x, torch.zeros(2, 6, 17, 3))
    assert_same(found, torch.stack(expected, dim=1))


@pytest.mark.parametrize("head", ["v1", "iccv"])
def test_gaitgl_is_its_figure(head: str) -> None:
    network = tiny("gaitgl", head=head)
    x = torch.rand(2, 9, ROWS, COLUMNS)
    one = leaky(conv(x[:, None], network.backbone.stem.weight))
    one = leaky(conv3d(one, network.backbone.lta.weight, stride=(3, 1, 1)))
    first, second, third = network.backbone.layers
    maps = torch.nn.functional.max_pool3d(first(one), (1, 2, 2))
    highest = third(second(maps)).amax(dim=2)  # [n, c, h, w]
    power = network.gem.power.item()
    rows = highest.clamp(min=1e-6).pow(power).mean(dim=3).pow(1 / power)
    expected = torch.einsum("ncp,pcd->npd", rows, network.heads.weight)
    if head == "iccv":
        norm = network.norm  # its running mean and variance, shared by the parts
        expected = (expected - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        expected = expected * norm.weight + norm.bias
    found = network(x, torch.zeros(2, 9, 17, 3))
    assert_same(found, expected)


def test_mt3d_is_its_figure() -> None:
    network = tiny("mt3d")
    x = torch.rand(2, 12, ROWS, COLUMNS)

    def block(x: Tensor, layer: nn.Module) -> Tensor:
        return leaky(sum(conv(x, each.weight) for each in (layer.both, layer.space, layer.time)))

    def thirds(x: Tensor, layer: nn.Module) -> Tensor:
        return leaky(conv3d(x, layer.weight, stride=(3, 1, 1)))

    def halved(x: Tensor) -> Tensor:
        return torch.nn.functional.max_pool3d(x, (1, 2, 2))

    small = leaky(conv3d(x[:, None], network.stem.weight, stride=(2, 1, 1), padding=1))
    large = halved(block(thirds(small, network.thin), network.large[0]))
    small = halved(block(small, network.small[0]))
    assert (small.shape[2], large.shape[2]) == (6, 2)
    large = large + thirds(small, network.transforms[0])
    for position in (1, 2):
        small, large = block(small, network.small[position]), block(large, network.large[position])
    large = large + thirds(small, network.transforms[1])
    rows = torch.cat([bins(each.amax(dim=2), 8) for each in (small, large)], dim=2)
    expected = torch.einsum("ncp,pcd->npd", rows, network.heads.weight)
    found = network(x, torch.zeros(2, 12, 17, 3))
    assert_same(found, expected)


@pytest.mark.parametrize("network", TINY)
@pytest.mark.parametrize("longest", [5, 13, 14])
def test_padding_does_not_change_an_embedding(network: str, longest: int) -> None:
    built = tiny(network)
    with torch.no_grad():  # non-zero biases would reveal padding
        for name, weight in built.named_parameters():
            if name.endswith("bias"):
                weight.uniform_(0.5, 1.0)
    counts = torch.tensor([longest, *range(1, 6), longest - 1])
    silhouettes = torch.zeros(len(counts), longest, ROWS, COLUMNS)
    keypoints = torch.zeros(len(counts), longest, 17, 3)
    for i, count in enumerate(counts):
        silhouettes[i, :count] = torch.rand(int(count), ROWS, COLUMNS)
        keypoints[i, :count] = torch.rand(int(count), 17, 3)
    together = built(silhouettes, keypoints, counts)
    assert bool(torch.isfinite(together).all())
    for i, count in enumerate(counts):
        alone = built(silhouettes[i : i + 1, :count], keypoints[i : i + 1, :count])
        assert_same(together[i : i + 1], alone)


@pytest.mark.parametrize("network", TINY)
def test_every_weight_of_every_network_gets_a_gradient(network: str) -> None:
    built = tiny(network).train()
    embeddings = built(torch.rand(3, 12, ROWS, COLUMNS), torch.rand(3, 12, 17, 3))
    (embeddings * torch.rand_like(embeddings)).sum().backward()
    without = [n for n, w in built.named_parameters() if w.grad is None or not w.grad.any()]
    # A constant added to all scores does not change a softmax.
    assert [name for name in without if not name.endswith("score.bias")] == []


@pytest.mark.parametrize("network", [name for name in TINY if name != "energynet"])
def test_the_convolutions_of_published_networks_start_with_xaviers_weights(network: str) -> None:
    torch.manual_seed(0)
    widths = {"channels": (8, 12, 16, 20)[: len(TINY[network]["channels"])]}
    numbers = {"height": ROWS, "width": COLUMNS, "embedding": 6} | TINY[network] | widths
    layers = [
        (name, layer)
        for name, layer in build_network(network, **numbers).named_modules()
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d) and layer.weight.numel() > 500
    ]
    assert len(layers) > 2
    for name, layer in layers:
        taps = layer.weight[0, 0].numel()
        outputs = layer.out_channels // layer.groups
        bound = (6 / (taps * (layer.weight.shape[1] + outputs))) ** 0.5
        assert float(layer.weight.detach().abs().max()) == pytest.approx(bound, rel=0.02), name


@pytest.mark.parametrize("network", [name for name in TINY if name != "energynet"])
def test_a_smaller_input_is_a_setting_of_every_network(network: str) -> None:
    built = build_network(
        network, **{"height": 32, "width": 22, "shrink": 2, "embedding": 6} | TINY[network]
    ).eval()
    found = built(torch.rand(2, 6, 32, 22), torch.rand(2, 6, 17, 3))
    parts = sum(len(head.weight) for head in built.modules() if isinstance(head, SeparateHeads))
    assert found.shape == (2, parts, 6)


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("kernel", [(3, 3, 3), (3, 1, 1)])
def test_gradients_in_bfloat16_are_those_in_float32(
    kernel: tuple[int, int, int], frames: int
) -> None:
    """PyTorch's are wrong by orders of magnitude for two frames on some CPUs."""
    layer, x = SameConv3d(8, 16, kernel), torch.rand(16, 8, frames, 16, 11)
    gradients = []
    for enabled in (False, True):
        layer.weight.grad = None
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            found = layer(x)
        assert found.shape == (16, 16, frames, 16, 11)
        found.float().square().sum().backward()
        gradients.append(layer.weight.grad)
    error = (gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max()
    assert float(error) < 0.02


def test_one_frame_in_bfloat16_gives_what_float32_gives() -> None:
    """PyTorch's result is NaN for odd channels on some CPUs, where old memory holds NaN."""
    torch.manual_seed(0)
    layer = SameConv3d(3, 4, (3, 3, 3))
    x = torch.rand(6, 3, 1, 8, 4).to(memory_format=torch.channels_last_3d)
    expected = layer(x)
    for _ in range(20):
        old = [torch.full((size,), torch.nan) for size in (1000, 5000, 20_000)]
        del old
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = layer(x)
        torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.02)


def test_strips_and_bins_that_do_not_divide_the_rows_are_refused() -> None:
    x, keypoints = torch.rand(1, 3, ROWS, COLUMNS), torch.zeros(1, 3, 17, 3)
    with pytest.raises(ValueError, match="3 bins must divide the 4 rows"):
        build_network("gaitset", channels=(1, 1, 1), bins=(3,))(x, keypoints)
    with pytest.raises(ValueError, match="3 strips must divide the 8 rows"):
        build_network("gaitpart", channels=(4, 4, 4), strips=(1, 3, 4), parts=4)(x, keypoints)


def test_unknown_networks_and_heads_are_refused() -> None:
    with pytest.raises(
        ValueError, match="unknown network 'gaitless'; required: one of gei, energy"
    ):
        build_network("gaitless")
    with pytest.raises(ValueError, match="head must be 'v1', 'iccv' or 'bnneck', not 'v2'"):
        build_network("gaitgl", head="v2")


def test_every_network_of_the_table_is_tested_here() -> None:
    assert set(TINY) == set(NETWORKS) - {"gei"}


@pytest.mark.parametrize("network", SECTIONS)
def test_the_settings_say_whether_a_network_takes_keypoints(network: str) -> None:
    model = SECTIONS[network].model_validate(SIZES["small"].get(network, {})).model_dump()
    torch.manual_seed(0)
    built = build_network(network, height=64, width=44, **model).eval()
    silhouettes, without = torch.rand(2, 12, 64, 44), torch.empty(2, 12, 0, 3)
    with torch.inference_mode():
        embeddings = built(silhouettes, torch.rand(2, 12, 17, 3))
        if uses_keypoints(model):
            with pytest.raises((RuntimeError, IndexError)):
                built(silhouettes, without)
        else:
            assert built(silhouettes, without).equal(embeddings)


@pytest.mark.parametrize(
    ("network", "changes"), [*((name, {}) for name in SECTIONS), ("deepgaitv2", {"mode": "2d"})]
)
def test_the_settings_say_whether_a_network_follows_the_order_of_frames(
    network: str, changes: dict[str, Any]
) -> None:
    model = SECTIONS[network].model_validate(SIZES["small"].get(network, {}) | changes).model_dump()
    torch.manual_seed(0)
    built = build_network(network, height=64, width=44, **model).eval()
    silhouettes, keypoints = torch.rand(2, 12, 64, 44), torch.rand(2, 12, 17, 3)
    order = torch.randperm(12)
    with torch.inference_mode():
        embeddings = built(silhouettes, keypoints)
        shuffled = built(silhouettes[:, order], keypoints[:, order])
    difference = float((shuffled - embeddings).abs().max() / embeddings.std())
    assert (difference > 1e-3) is follows_order(network, model)
