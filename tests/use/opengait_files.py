"""Made-up checkpoints with the names and shapes of OpenGait's networks, in small."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]


def gaitset(one: int = 32, two: int = 64, three: int = 128) -> State:
    return _random(
        {
            "set_block1.forward_block.0.conv.weight": (one, 1, 5, 5),
            "set_block1.forward_block.2.conv.weight": (one, one, 3, 3),
            "set_block2.forward_block.0.conv.weight": (two, one, 3, 3),
            "set_block2.forward_block.2.conv.weight": (two, two, 3, 3),
            "set_block3.forward_block.0.conv.weight": (three, two, 3, 3),
            "set_block3.forward_block.2.conv.weight": (three, three, 3, 3),
            "gl_block2.0.conv.weight": (two, one, 3, 3),
            "gl_block2.2.conv.weight": (two, two, 3, 3),
            "gl_block3.0.conv.weight": (three, two, 3, 3),
            "gl_block3.2.conv.weight": (three, three, 3, 3),
            "Head.fc_bin": (62, three, 256),
        }
    )


def gaitpart(channels: tuple[int, ...] = (32, 64, 128), embedding: int = 128) -> State:
    shapes: dict[str, tuple[int, ...]] = {}
    places = [(0, 2), (5, 7), (10, 12), (14, 16)]
    before = 1
    for (first, second), width in zip(places, channels, strict=False):
        kernel = 5 if before == 1 else 3
        feature = "Backbone.forward_block.feature"
        shapes[f"{feature}.{first}.conv.weight"] = (width, before, kernel, kernel)
        shapes[f"{feature}.{second}.conv.weight"] = (width, width, 3, 3)
        before = width
    shapes["Head.fc_bin"] = (16, before, embedding)
    for branch, last in (("conv1d3x1", 1), ("conv1d3x3", 3)):
        for part in range(16):
            name = f"TFA.pooling_func.{branch}.{part}"
            shapes[f"{name}.0.conv.weight"] = (before // 4, before, 3)
            shapes[f"{name}.2.conv.weight"] = (before, before // 4, last)
    return _random(shapes)


def gaitgl(*, deep: bool = False, neck: bool = False, classes: int = 5) -> State:
    widths = (32, 64, 128, 256) if deep else (32, 64, 128, 128)
    shapes: dict[str, tuple[int, ...]] = {"conv3d.0.conv3d.weight": (32, 1, 3, 3, 3)}
    if deep:
        shapes["conv3d.2.conv3d.weight"] = (32, 32, 3, 3, 3)
    shapes["LTA.0.conv3d.weight"] = (32, 32, 3, 1, 1)
    for stage, name in enumerate(("GLConvA0", "GLConvA1", "GLConvB2")):
        before, after = widths[stage : stage + 2]
        for place, width in ((".0", before), (".1", after)) if deep else (("", before),):
            for part in ("global", "local"):
                shapes[f"{name}{place}.{part}_conv3d.conv3d.weight"] = (after, width, 3, 3, 3)
    last = widths[-1]
    shapes |= {"HPP.p": (1,), "Head0.fc_bin": (64, last, last)}
    if neck:
        return _random(shapes | _bnneck(64, last, classes))
    return _random(shapes | _norm("Bn", last) | {"Head1.fc_bin": (64, last, classes)})


def gaitbase(channels: tuple[int, ...] = (64, 128, 256, 512)) -> State:
    top = "Backbone.forward_block"
    shapes = {f"{top}.conv1.conv.weight": (channels[0], 1, 3, 3)} | _norm(f"{top}.bn1", channels[0])
    for stage, before in enumerate((channels[0], *channels[:-1])):
        shapes |= _plain(f"{top}.layer{stage + 1}.0", before, channels[stage])
    return _random(shapes | _head(channels))


def deepgaitv2(
    channels: tuple[int, ...] = (64, 128, 256, 512), blocks: tuple[int, ...] = (1, 1, 1, 1)
) -> State:
    shapes = _first("layer0", "layer1", 1, channels[0], blocks[0])
    return _random(shapes | _later(channels, blocks) | _head(channels))


def skeletongait_plus(
    channels: tuple[int, ...] = (64, 128, 256, 512), blocks: tuple[int, ...] = (1, 1, 1, 1)
) -> State:
    wide, narrow = 2 * channels[0], channels[0] // 16
    shapes = _first("sil_layer0", "sil_layer1", 1, channels[0], blocks[0])
    shapes |= _first("map_layer0", "map_layer1", 2, channels[0], blocks[0])
    fusion = "fusion.conv.forward_block"
    shapes |= {f"{fusion}.0.weight": (narrow, wide, 1, 1)} | _norm(f"{fusion}.1", narrow)
    shapes |= {f"{fusion}.3.weight": (narrow, narrow, 3, 3)} | _norm(f"{fusion}.4", narrow)
    shapes |= {f"{fusion}.6.weight": (wide, narrow, 1, 1)}
    return _random(shapes | _later(channels, blocks) | _head(channels))


def write(path: Path, state: State, **more: Any) -> Path:
    """Writes a checkpoint as OpenGait does: with its optimiser, schedule and step."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [20_000, 40_000])
    content = {
        "model": OrderedDict(state),
        "optimizer": optimiser.state_dict(),
        "scheduler": schedule.state_dict(),
        "iteration": 60_000,
    }
    torch.save(content | more, path)
    return path


def _first(
    stem: str, layer: str, planes: int, width: int, blocks: int
) -> dict[str, tuple[int, ...]]:
    shapes = {f"{stem}.forward_block.0.weight": (width, planes, 3, 3)}
    shapes |= _norm(f"{stem}.forward_block.1", width)
    for block in range(blocks):
        shapes |= _plain(f"{layer}.forward_block.{block}", width, width)
    return shapes


def _later(channels: tuple[int, ...], blocks: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for stage in (1, 2, 3):
        before, after = channels[stage - 1 : stage + 1]
        for block in range(blocks[stage]):
            name = f"layer{stage + 1}.{block}"
            start = before if block == 0 else after
            for number, width in ((1, start), (2, after)):
                conv = f"{name}.conv{number}.forward_block"
                shapes |= {f"{conv}.0.weight": (after, width, 3, 3)} | _norm(f"{conv}.1", after)
            shapes |= {f"{name}.shortcut3d.weight": (after, after, 3, 1, 1)}
            shapes |= _norm(f"{name}.sbn", after)
            if block == 0:
                shapes |= {f"{name}.downsample.0.weight": (after, before, 1, 1, 1)}
                shapes |= _norm(f"{name}.downsample.1", after)
    return shapes


def _plain(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, width in ((1, before), (2, after)):
        shapes |= {f"{name}.conv{number}.weight": (after, width, 3, 3)}
        shapes |= _norm(f"{name}.bn{number}", after)
    if before != after:
        shapes |= {f"{name}.downsample.0.weight": (after, before, 1, 1)}
        shapes |= _norm(f"{name}.downsample.1", after)
    return shapes


def _head(channels: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {"FCs.fc_bin": (16, channels[3], channels[2])} | _bnneck(16, channels[2], 5)


def _bnneck(parts: int, embedding: int, classes: int) -> dict[str, tuple[int, ...]]:
    classifier = {"BNNecks.fc_bin": (parts, embedding, classes)}
    return classifier | _norm("BNNecks.bn1d", parts * embedding)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    entries = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{entry}": (width,) for entry in entries} | {f"{name}.num_batches_tracked": ()}


def _random(shapes: dict[str, tuple[int, ...]]) -> State:
    """Returns random weights, small enough for a forward pass, variances positive."""
    generator = torch.Generator().manual_seed(0)
    state: State = {}
    for name, shape in shapes.items():
        if not shape:
            state[name] = torch.tensor(60_000)
        elif len(shape) == 1:
            state[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            fan = torch.Size(shape[1:]).numel() if "fc_bin" not in name else shape[1]
            state[name] = torch.randn(shape, generator=generator) / fan**0.5
    return state
