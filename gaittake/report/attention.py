"""Which frames the network looked at: the temporal attention above a strip of silhouettes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gaittake.data.store import SequenceStore, gather_whole, load_store
from gaittake.io.weights import load_weights
from gaittake.models import build_network
from gaittake.models.attention import TemporalAttention
from gaittake.report.html import Markup, join, left_out, scrolling, section, tag
from gaittake.report.picture import image
from gaittake.report.runs import Run, said
from gaittake.sequence import name_of

TITLE = "Attention over frames"
SIDE_VIEW = 90  # degrees
THINNED = 3  # frames, the stride of local temporal aggregation
MOST_FRAMES = 36
PIXELS = 43  # of a frame on the page: 24 frames fill its width
CELL, BARS = 22.0, 54.0
STYLES = {"appearance": "silhouettes", "pose": "keypoints"}  # by branch of GaitTake
Floats = npt.NDArray[np.float32]


def attention_section(runs: Sequence[Run], cache: Path, *, label: str) -> Markup:
    """Returns a strip for one sequence of each condition.

    Args:
        runs: all of the table; the best one that attends to frames is shown.
        cache: the dataset's frames.
        label: what captions of a synthetic dataset say.
    """
    able = [r for r in runs if r.weights and r.embed.model.get("temporal") == "attention"]
    if not able:
        return left_out(TITLE, "No trained network of the table weighs frames by attention.")
    run = max(able, key=lambda item: item.mean)
    walks = {name: _side_walk(run, name) for name in run.metrics["conditions"]}
    subjects = {walk[0] for walk in walks.values() if walk}
    if not subjects:
        return left_out(TITLE, "No probe to draw.")
    store = load_store(
        cache,
        subjects,
        torch.device("cpu"),
        keypoints=run.embed.keypoints,
        noise=run.embed.noise,
    )
    network = _network(run, store)
    strips = []
    for condition, walk in walks.items():
        row = None if walk is None else _row(store, walk)
        if walk is not None and row is not None:
            subject, name, view = walk
            title = f"{said(condition)}: {subject}/{name}/{view:03d}"
            strips += [
                tag("h3", title),
                _strip(title, store, row, shares(network, store, row)),
            ]
    caption = (
        f"{label}{run.title}. Height of a bar: the frame's share in the sequence's feature, in "
        "multiples of an equal share (dashed line). Blue: attention over silhouettes; orange: over "
        "keypoints. Frames without a bar belong to no whole clip."
    )
    return section(TITLE, tag("figure", *strips, tag("figcaption", caption)))


def _side_walk(run: Run, condition: str) -> tuple[str, str, int] | None:
    """Returns subject, walk and view of the condition's first probe nearest to the side view."""
    table = run.probes[run.probes["condition"] == condition]
    if table.empty:
        return None
    nearest = (table["view"] - SIDE_VIEW).abs().to_numpy().argmin()
    row = table.iloc[int(nearest)]
    return str(row["subject"]), str(row["walk"]), int(row["view"])


def _row(store: SequenceStore, walk: tuple[str, str, int]) -> int | None:
    columns = ["subject", "condition", "number", "view"]
    for row, (subject, condition, number, view) in enumerate(
        store.sequences[columns].itertuples(index=False)
    ):
        found = name_of(subject, condition, int(number), int(view))
        if found == f"{walk[0]}/{walk[1]}/{walk[2]:03d}":
            return row
    return None


def _network(run: Run, store: SequenceStore) -> nn.Module:
    assert run.weights is not None
    rows, columns = store.silhouettes.shape[1:]
    model = run.embed.model
    network = build_network(run.embed.network, height=rows, width=columns, **model)
    loaded = load_weights(run.weights, network=run.embed.network, settings=model)
    network.load_state_dict(loaded.state)
    return network.eval()


@torch.inference_mode()
def shares(network: nn.Module, store: SequenceStore, row: int) -> dict[str, Floats]:
    """Returns each branch's share `[s]` of every frame; the shares of a sequence sum to 1.

    Args:
        network: has modules of TemporalAttention.
        store: holds the sequence.
        row: of the sequence.
    """
    found: dict[str, Floats] = {}
    frames = int(store.sequences["frame_count"].iloc[row])

    def keep(name: str, seen: Tensor, weights: Tensor) -> None:
        # After local temporal aggregation one place stands for several frames.
        each = 1 if seen.shape[1] == frames else THINNED
        spread = np.repeat(weights.flatten().numpy() / each, each)[:frames]
        found[name] = np.pad(spread, (0, frames - len(spread))).astype(np.float32)

    hooks = [
        module.register_forward_hook(
            lambda _, given, result, name=name: keep(name.split(".")[1], given[0], result)
        )
        for name, module in network.named_modules()
        if isinstance(module, TemporalAttention)
    ]
    try:
        network(*gather_whole(store, [row]))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _strip(title: str, store: SequenceStore, row: int, weights: dict[str, Floats]) -> Markup:
    """Returns the bars of each attention above the frames."""
    about = store.sequences.iloc[row]
    first, count = int(about["first_frame"]), int(about["frame_count"])
    shown = min(count, MOST_FRAMES)
    pixels = store.silhouettes[first : first + shown].numpy()
    rows, columns = pixels.shape[1:]
    strip = np.concatenate(list(pixels), axis=1)
    width, height = shown * CELL, CELL * rows / columns
    parts = [image(strip, 0, BARS, width, height)]
    told = []
    for place, (name, share) in enumerate(weights.items()):
        style = int(name == "pose")
        bars = share[:shown] * count  # 1: an equal share
        told.append(
            f"attention over {STYLES.get(name, name)} is highest at frame "
            f"{int(share.argmax()) + 1}, {float(share.max()) * count:.1f} times an equal share"
        )
        parts.append(_bars(bars, style, offset=(place + 0.5) * CELL / (len(weights) + 1)))
    at = BARS - BARS / 3
    parts.append(tag("line", x1=0, x2=width, y1=at, y2=at, class_="axis", stroke_dasharray="3 3"))
    drawing = tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {BARS + height:.1f}",
        role="img",
        aria_label=f"{title}: {'; '.join(told)}. First {shown} of {count} frames.",
        style=f"width:{shown * PIXELS}px;max-width:none",
    )
    return scrolling(drawing, f"strip of {title}")


def _bars(values: Floats, style: int, *, offset: float) -> Markup:
    """Returns a bar for each frame, a third of the height for an equal share, at most the whole."""
    bars = []
    for frame, value in enumerate(values):
        height = min(float(value) * BARS / 3, BARS)
        if height > 0:
            bars.append(
                tag(
                    "rect",
                    x=round(frame * CELL + offset, 1),
                    y=round(BARS - height, 1),
                    width=6,
                    height=round(height, 1),
                    fill=f"var(--c{style})",
                )
            )
    return join(bars)
