"""OpenGait's checkpoints: which of their weights becomes which weight of a network here.

Names and shapes are facts of its public files; none of its code is used.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

# Their names, whose weights are joined along the first axis, and the name here.
Pair = tuple[tuple[str, ...], str]
BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
CLASSIFIER = ("Head1.fc_bin", "BNNecks.")  # how its names begin
SHOWN = 3  # names in a message


class Converted(NamedTuple):
    """Weights of a network, and what of a checkpoint has no place in it.

    Attributes:
        state: state dict of the network.
        dropped: names of the checkpoint's other weights: of the classifier.
    """

    state: dict[str, Tensor]
    dropped: list[str]


def converted(network: str, built: nn.Module, checkpoint: Mapping[str, Tensor]) -> Converted:
    """Returns the state dict of a network with the weights of a checkpoint.

    Args:
        network: a key of TABLES.
        built: the network; its weights may be without data.
        checkpoint: state dict of OpenGait's network.

    Raises:
        ValueError: names that the checkpoint lacks or should not have, or shapes that differ.
    """
    expected = built.state_dict()
    pairs = [*TABLES[network](expected), *_neck(expected)]
    used = {name for names, _ in pairs for name in names}
    dropped = [n for n in checkpoint if n not in used and n.startswith(CLASSIFIER)]
    missing = [name for names, _ in pairs for name in names if name not in checkpoint]
    unknown = [name for name in checkpoint if name not in used and name not in dropped]
    if missing:
        raise ValueError(f"it lacks {_listed(missing)}")
    if unknown:
        raise ValueError(f"it should not have {_listed(unknown)}")
    state = {}
    for names, ours in pairs:
        needed = expected[ours]
        values = _alike(names, checkpoint, floating=needed.is_floating_point())
        value = _fitted(values, ours, network, expected)
        if value.shape != needed.shape:
            each = f" each of {len(names)}" if len(names) > 1 else ""
            raise ValueError(
                f"{names[0]} has the shape {list(values[0].shape)}{each}; {list(needed.shape)} is "
                "required"
            )
        state[ours] = value
    return Converted(state, dropped)


def _alike(
    names: Sequence[str], checkpoint: Mapping[str, Tensor], *, floating: bool
) -> list[Tensor]:
    """Returns the weights that become one.

    Raises:
        ValueError: their shapes differ, or they are integers where numbers must be floating.
    """
    values = [checkpoint[name] for name in names]
    for name, value in zip(names, values, strict=True):
        if value.shape != values[0].shape:
            raise ValueError(
                f"{name} has the shape {list(value.shape)}, but {names[0]} {list(values[0].shape)}"
            )
        if floating and not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise ValueError(f"{name} holds {kind}; floating-point numbers are required")
    return values


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _fitted(
    values: list[Tensor], ours: str, network: str, expected: Mapping[str, Tensor]
) -> Tensor:
    """Returns the value of a weight here, in this network's order; a wrong shape stays wrong."""
    value = torch.cat(values) if len(values) > 1 and values[0].dim() else values[0]
    if "neck.norm." in ours and value.shape == expected[ours].shape and value.dim():
        heads = next(weight for name, weight in expected.items() if name.endswith("heads.weight"))
        return value[neck_order(len(heads), heads.shape[2])]
    if network == "gaitset" and ours == "heads.weight" and value.shape[:1] == (62,):
        return value[gaitset_order()]
    if network == "skeletongait_plus" and ours == "maps.stem.conv.weight" and value.dim() == 4:
        return value.flip(1)  # theirs are limbs and keypoints, here keypoints and limbs
    if ours.endswith("skip.conv.weight") and value.shape[2:] == (1, 1, 1):
        return value[:, :, 0]
    if ours.startswith("fusion.score") and value.dim() == 4:
        return value[:, :, None]
    return value


def gaitset_order() -> list[int]:
    """Returns the place of each of the 62 heads in OpenGait's weights.

    Theirs are the strips of all scales of the frames' map, then those of the set's map; here both
    maps follow each other at each scale.
    """
    order: list[int] = []
    at = 0
    for bins in (16, 8, 4, 2, 1):
        order += [*range(at, at + bins), *range(31 + at, 31 + at + bins)]
        at += bins
    return order


def neck_order(parts: int, embedding: int) -> Tensor:
    """Returns the place of each number of the BNNeck: theirs are `[d, p]`, here `[p, d]`."""
    return torch.arange(parts * embedding).view(embedding, parts).t().reshape(-1)


def _one(theirs: str, ours: str) -> Pair:
    return (theirs,), ours


def _norm(theirs: str, ours: str) -> Iterator[Pair]:
    for name in BATCH_NORM:
        yield _one(f"{theirs}.{name}", f"{ours}.{name}")


def _gaitset(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    for place, name in ((0, "one"), (2, "two")):
        for block in range(3):
            theirs = f"set_block{block + 1}.forward_block.{place}.conv.weight"
            yield _one(theirs, f"frames.{block}.{name}.weight")
        for block in range(2):
            theirs = f"gl_block{block + 2}.{place}.conv.weight"
            yield _one(theirs, f"sets.{block}.{name}.weight")
    yield _one("Head.fc_bin", "heads.weight")


def _gaitpart(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    # A convolution, its activation, and after two of each a pool: 0, 2, 5, 7, 10, 12, 14, 16.
    blocks = sum(name.endswith("one.weight") for name in expected if name.startswith("blocks."))
    place = 0
    for block in range(blocks):
        for name in ("one", "two"):
            theirs = f"Backbone.forward_block.feature.{place}.conv.weight"
            yield _one(theirs, f"blocks.{block}.{name}.weight")
            place += 2
        place += block < 2
    parts = len(expected["heads.weight"])
    for theirs, ours in (("conv1d3x1", "short"), ("conv1d3x3", "long")):
        for place, name in ((0, "one"), (2, "two")):
            prefix = f"TFA.pooling_func.{theirs}"
            names = tuple(f"{prefix}.{p}.{place}.conv.weight" for p in range(parts))
            yield names, f"{ours}.{name}.weight"
    yield _one("Head.fc_bin", "heads.weight")


def _gaitgl(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    yield _one("conv3d.0.conv3d.weight", "backbone.stem.weight")
    if "backbone.stem_layers.0.weight" in expected:
        yield _one("conv3d.2.conv3d.weight", "backbone.stem_layers.0.weight")
    yield _one("LTA.0.conv3d.weight", "backbone.lta.weight")
    layers = sum(name.endswith("whole.weight") for name in expected)
    repeats = layers // 3
    for layer in range(layers):
        stage = ("GLConvA0", "GLConvA1", "GLConvB2")[layer // repeats]
        theirs = f"{stage}.{layer % repeats}" if repeats > 1 else stage
        yield _one(f"{theirs}.global_conv3d.conv3d.weight", f"backbone.layers.{layer}.whole.weight")
        yield _one(f"{theirs}.local_conv3d.conv3d.weight", f"backbone.layers.{layer}.local.weight")
    yield _one("HPP.p", "gem.power")
    yield _one("Head0.fc_bin", "heads.weight")
    if "norm.weight" in expected:
        yield from _norm("Bn", "norm")


def _gaitbase(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    yield _one("Backbone.forward_block.conv1.conv.weight", "first.stem.conv.weight")
    yield from _norm("Backbone.forward_block.bn1", "first.stem.norm")
    yield from _plain_block("Backbone.forward_block.layer1.0", "first.blocks.0", expected)
    for stage in range(3):
        theirs = f"Backbone.forward_block.layer{stage + 2}.0"
        yield from _plain_block(theirs, f"later.stages.{stage}.0", expected)
    yield _one("FCs.fc_bin", "head.heads.weight")


def _deepgaitv2(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    yield from _first("layer0", "layer1", "first", expected)
    yield from _later(expected)


def _skeletongait_plus(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    yield from _first("sil_layer0", "sil_layer1", "silhouettes", expected)
    yield from _first("map_layer0", "map_layer1", "maps", expected)
    for place, ours in ((0, "reduce"), (3, "mix")):
        yield _one(f"fusion.conv.forward_block.{place}.weight", f"fusion.{ours}.conv.weight")
        yield from _norm(f"fusion.conv.forward_block.{place + 1}", f"fusion.{ours}.norm")
    yield _one("fusion.conv.forward_block.6.weight", "fusion.score.weight")
    yield from _later(expected)


def _first(stem: str, blocks: str, ours: str, expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    """Yields the pairs of a first stage."""
    yield _one(f"{stem}.forward_block.0.weight", f"{ours}.stem.conv.weight")
    yield from _norm(f"{stem}.forward_block.1", f"{ours}.stem.norm")
    for block in range(_count(f"{ours}.blocks.", expected)):
        theirs = f"{blocks}.forward_block.{block}"
        yield from _plain_block(theirs, f"{ours}.blocks.{block}", expected)


def _later(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    """Yields the pairs of the later stages and the heads."""
    for stage in range(3):
        for block in range(_count(f"later.stages.{stage}.", expected)):
            ours = f"later.stages.{stage}.{block}"
            if f"{ours}.time.conv.weight" in expected:
                yield from _p3d_block(f"layer{stage + 2}.{block}", ours, expected)
            elif expected[f"{ours}.one.conv.weight"].dim() == 5:
                yield from _plain_block(f"layer{stage + 2}.{block}", ours, expected)
            else:
                theirs = f"layer{stage + 2}.forward_block.{block}"
                yield from _plain_block(theirs, ours, expected)
    yield _one("FCs.fc_bin", "head.heads.weight")


def _count(prefix: str, expected: Mapping[str, Tensor]) -> int:
    """Returns the number of blocks whose names begin so."""
    return len({n[len(prefix) :].split(".")[0] for n in expected if n.startswith(prefix)})


def _plain_block(theirs: str, ours: str, expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    for number, name in ((1, "one"), (2, "two")):
        yield _one(f"{theirs}.conv{number}.weight", f"{ours}.{name}.conv.weight")
        yield from _norm(f"{theirs}.bn{number}", f"{ours}.{name}.norm")
    yield from _shortcut(theirs, ours, expected)


def _p3d_block(theirs: str, ours: str, expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    for number, name in ((1, "one"), (2, "two")):
        wrapped = f"{theirs}.conv{number}.forward_block"
        yield _one(f"{wrapped}.0.weight", f"{ours}.{name}.conv.weight")
        yield from _norm(f"{wrapped}.1", f"{ours}.{name}.norm")
    yield _one(f"{theirs}.shortcut3d.weight", f"{ours}.time.conv.weight")
    yield from _norm(f"{theirs}.sbn", f"{ours}.time.norm")
    yield from _shortcut(theirs, ours, expected)


def _shortcut(theirs: str, ours: str, expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    if f"{ours}.skip.conv.weight" in expected:
        yield _one(f"{theirs}.downsample.0.weight", f"{ours}.skip.conv.weight")
        yield from _norm(f"{theirs}.downsample.1", f"{ours}.skip.norm")


def _neck(expected: Mapping[str, Tensor]) -> Iterator[Pair]:
    for prefix in ("neck", "head.neck"):
        if f"{prefix}.norm.weight" in expected:
            yield from _norm("BNNecks.bn1d", f"{prefix}.norm")


TABLES: dict[str, Callable[[Mapping[str, Tensor]], Iterator[Pair]]] = {
    "gaitset": _gaitset,
    "gaitpart": _gaitpart,
    "gaitgl": _gaitgl,
    "gaitbase": _gaitbase,
    "deepgaitv2": _deepgaitv2,
    "skeletongait_plus": _skeletongait_plus,
}
