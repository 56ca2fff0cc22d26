"""Which silhouettes a network takes: its strips must divide the rows of its maps.

The networks refuse other sizes themselves, but a training may start hours after the settings are
read, and reading them must not import torch. `tests/models/test_sizes.py` compares both.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Cut(NamedTuple):
    """A number of strips, and the rows that it must divide.

    Attributes:
        name: of the setting.
        strips: its value, or one of its values.
        rows: of the map.
    """

    name: str
    strips: int
    rows: int


class Demands(NamedTuple):
    """What a network demands of the silhouettes, after `shrink`.

    Attributes:
        least: rows and columns at least.
        multiple: of the rows.
        cuts: of its maps into strips.
    """

    least: int
    multiple: int = 1
    cuts: tuple[Cut, ...] = ()


Model = Mapping[str, Any]


def _gaitset(model: Model, rows: int) -> Demands:
    return Demands(4, cuts=tuple(Cut("bins", bins, rows // 4) for bins in model["bins"]))


def _gaitpart(model: Model, rows: int) -> Demands:
    halved = [min(block, 2) for block in range(len(model["strips"]))]
    cuts = [
        Cut("strips", strips, rows >> times)
        for strips, times in zip(model["strips"], halved, strict=True)
    ]
    last = Cut("parts", model["parts"], rows >> halved[-1])
    return Demands(1 << halved[-1], cuts=(*cuts, last))


def _mt3d(model: Model, rows: int) -> Demands:
    return Demands(2)


def _gaitgl(model: Model, rows: int) -> Demands:
    return Demands(2, multiple=2, cuts=(Cut("strips", model["strips"], rows // 2),))


def _residual(model: Model, rows: int) -> Demands:
    return Demands(1, cuts=(Cut("parts", model["parts"], -(-rows // 4)),))


def _energynet(model: Model, rows: int) -> Demands:
    return Demands(4, multiple=8 if model["gei_scale"] else 4)


def _gaittake(model: Model, rows: int) -> Demands:
    images = model["silhouettes"] or model["skeleton_maps"]
    return _gaitgl(model, rows) if images else Demands(0)


# A network that is not here takes silhouettes of every size, or refuses them in its training.
DEMANDS: dict[str, Callable[[Model, int], Demands]] = {
    "gaitset": _gaitset,
    "gaitpart": _gaitpart,
    "mt3d": _mt3d,
    "gaitgl": _gaitgl,
    "gaitbase": _residual,
    "deepgaitv2": _residual,
    "skeletongait_plus": _residual,
    "energynet": _energynet,
    "gaittake": _gaittake,
}


def misfit(network: str, model: Model, *, height: int, width: int) -> str:
    """Returns why a network does not take silhouettes of a size, '' if it does.

    Args:
        network: its name in the settings.
        model: its settings.
        height: rows of a silhouette.
        width: columns of a silhouette.
    """
    if network not in DEMANDS:
        return ""
    shrink = model.get("shrink", 1)
    rows, columns = height // shrink, width // shrink
    least, multiple, cuts = DEMANDS[network](model, rows)
    if min(rows, columns) < least:
        return (
            f"model.shrink is {shrink}, which leaves {rows} x {columns} pixels of silhouettes of "
            f"{height} x {width}; {least} x {least} or more are required: set it to "
            f"{min(height, width) // least} or less"
        )
    shrunk = f", {rows} after model.shrink {shrink}" if shrink > 1 else ""
    if rows % multiple:
        lower = shrink * (rows // multiple * multiple)
        return (
            f"align.height is {height}{shrunk}; {network} requires a multiple of {multiple} rows: "
            f"set it to {lower} or {lower + shrink * multiple}"
        )
    for name, strips, of_map in cuts:
        if of_map % strips:
            fitting = ", ".join(str(n) for n in range(1, of_map + 1) if of_map % n == 0)
            value = model[name]
            listed = isinstance(value, list | tuple)
            found = f"{list(value)}, of which {strips}" if listed else f"{value}, which"
            return (
                f"model.{name} is {found} does not divide the {of_map} rows of a map "
                f"(align.height {height}{shrunk}); use {fitting}, or another align.height"
            )
    return ""
