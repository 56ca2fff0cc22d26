"""Temporal attention: the weight of each frame, above the silhouettes of a sequence."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor, nn

from gaittake.arrays import Float32s
from gaittake.data.store import SequenceStore, gather_whole, load_store
from gaittake.evaluation.embed import load_network
from gaittake.models.attention import TemporalAttention
from gaittake.report.html import empty_section, scrolling, section, template
from gaittake.report.picture import image
from gaittake.report.runs import Run, condition_title
from gaittake.sequence import IDENTITY, Identity, angle_of, name_of

TITLE = "Attention over frames"
SIDE_VIEW = 90  # degrees
STRIDE = 3  # frames, of local temporal aggregation
MOST_FRAMES = 36
PIXELS = 43  # width of a frame on the page; 24 frames fill the page
CELL, BARS = 22.0, 54.0
# By branch of the network: what it attends to, and the number of its colour.
BRANCHES = {"appearance": ("silhouettes", 0), "pose": ("keypoints", 1)}

_STRIP = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}"
 style="width:{{ pixels }}px;max-width:none">
{{ frames }}
{% for bar in bars %}
<rect x="{{ bar.x }}" y="{{ bar.y }}" width="6" height="{{ bar.height }}"
 fill="var(--c{{ bar.style }})"/>
{% endfor %}
<line x1="0" x2="{{ width }}" y1="{{ equal }}" y2="{{ equal }}" class="axis"
 stroke-dasharray="3 3"/>
</svg>
""")


def attention_section(runs: Sequence[Run], cache: Path) -> Markup:
    """Returns a strip of frames for one sequence of each condition.

    Args:
        runs: all runs of the table; the best one with temporal attention is shown.
        cache: the dataset's cache.
    """
    able = [r for r in runs if r.weights and r.embed.model.get("temporal") == "attention"]
    if not able:
        return empty_section(TITLE, "No trained network of the table has temporal attention.")
    run = max(able, key=lambda item: item.mean)
    sequences = {name: _side_view(run, name) for name in run.metrics["conditions"]}
    subjects = {sequence[0] for sequence in sequences.values() if sequence}
    if not subjects:
        return empty_section(TITLE, "There is no probe to show.")
    store = load_store(
        cache,
        subjects,
        torch.device("cpu"),
        keypoints=run.embed.keypoints,
        noise=run.embed.noise,
    )
    height, width = store.silhouettes.shape[1:]
    network, _ = load_network(run.embed, run.weights, height=height, width=width)
    strips = []
    for condition, sequence in sequences.items():
        row = None if sequence is None else _row(store, sequence)
        if sequence is not None and row is not None:
            title = f"{condition_title(condition)}: {name_of(*sequence)}"
            strip = _strip(title, store, row, frame_weights(network, store, row))
            strips.append(Markup("<h3>{}</h3>\n{}").format(title, strip))
    caption = (
        f"{run.title}. The height of a bar is the weight of the frame in the sequence's "
        "feature, relative to equal weights (dashed line). Blue: attention over silhouettes; "
        "orange: over keypoints. Frames after the last complete clip have no bar."
    )
    return section(
        TITLE,
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(
            Markup("\n").join(strips), caption
        ),
    )


def _side_view(run: Run, condition: str) -> Identity | None:
    """Returns the condition's first probe closest to 90°; the first if no view is an angle."""
    table = run.probes[run.probes["condition"] == condition]
    if table.empty:
        return None
    angles = [angle_of(view) for view in table["view"]]
    away = [360 if angle is None else abs(angle - SIDE_VIEW) for angle in angles]
    row = table.iloc[int(np.argmin(away))]
    return str(row["subject"]), str(row["type"]), str(row["view"])


def _row(store: SequenceStore, sequence: Identity) -> int | None:
    """Returns the row number of a sequence in the store."""
    rows = store.sequences[list(IDENTITY)].itertuples(index=False, name=None)
    return next((place for place, row in enumerate(rows) if row == sequence), None)


@torch.inference_mode()
def frame_weights(network: nn.Module, store: SequenceStore, row: int) -> dict[str, Float32s]:
    """Returns the weights `[s]` of the frames in each branch; the weights of a branch sum to 1.

    Args:
        network: with modules of TemporalAttention.
        store: has the sequence.
        row: number of the sequence.
    """
    found: dict[str, Float32s] = {}
    frames = int(store.sequences["frame_count"].iloc[row])

    def keep(branch: str, features: Tensor, weights: Tensor) -> None:
        # After local temporal aggregation, one weight is that of several frames.
        each = 1 if features.shape[1] == frames else STRIDE
        spread = np.repeat(weights.flatten().numpy() / each, each)[:frames]
        found[branch] = np.pad(spread, (0, frames - len(spread))).astype(np.float32)

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


def _strip(title: str, store: SequenceStore, row: int, weights: dict[str, Float32s]) -> Markup:
    """Returns the bars of each branch above the frames."""
    about = store.sequences.iloc[row]
    first, count = int(about["first_frame"]), int(about["frame_count"])
    shown = min(count, MOST_FRAMES)
    pixels = store.silhouettes[first : first + shown].numpy()
    rows, columns = pixels.shape[1:]
    width, height = shown * CELL, CELL * rows / columns
    bars, summaries = [], []
    for place, (branch, share) in enumerate(weights.items()):
        source, style = BRANCHES[branch]
        summaries.append(
            f"attention over {source} is highest at frame {int(share.argmax()) + 1}, "
            f"{float(share.max()) * count:.1f} times an equal weight"
        )
        offset = (place + 0.5) * CELL / (len(weights) + 1)
        # A third of the height is an equal weight.
        heights = np.minimum((share[:shown] * count).astype(np.float64) * BARS / 3, BARS)
        bars += [
            {
                "x": round(frame * CELL + offset, 1),
                "y": round(BARS - float(bar), 1),
                "height": round(float(bar), 1),
                "style": style,
            }
            for frame, bar in enumerate(heights)
            if bar > 0
        ]
    drawing = _STRIP(
        frames=image(np.concatenate(list(pixels), axis=1), 0, BARS, width, height),
        bars=bars,
        label=f"{title}: {'; '.join(summaries)}. First {shown} of {count} frames.",
        width=width,
        height=BARS + height,
        equal=BARS - BARS / 3,
        pixels=shown * PIXELS,
    )
    return scrolling(drawing, f"strip of {title}")
