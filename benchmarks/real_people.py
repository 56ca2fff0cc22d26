"""What a trained network is worth on masks of real people, beside the gait energy image.

    python benchmarks/real_people.py kth_dev.npz [--student results/people/pose/student.pt]
        [--weights results/people/gaitgl/weights.safetensors …] [--model people.safetensors …]

The file holds, for each pass of a person through the picture, masks `SOURCE/pNN/dX-KK/VVV` with
their bits packed, and keypoints `keypoints/blazepose/pNN/dX-KK/VVV` of a detector (a second
opinion, not truth). Views are 090 (to the right) and 270 (to the left). The gallery is d1
(outdoors); probes are other passes of d1 (the same clothes), d3 (other clothes) and d4 (indoors).

Rank-1 is by the nearest pass. `one way` mirrors the passes to the right, so that all walk to the
left, as the walkers do; `same way` compares passes of one direction only. The error rates are over
all pairs of a d3 probe and a d1 pass.
"""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.io.weights import read_weights
from gaittake.keypoints import MIRROR
from gaittake.models import build_network
from gaittake.pose.detector import load_detector
from gaittake.pose.fast import for_prediction
from gaittake.pose.score import AREA_OF_BOX
from gaittake.settings import Align, Detector, PredictStage
from gaittake.settings.networks import uses_keypoints
from gaittake.silhouette import box
from gaittake.use.locate import (
    Locate,
    Shown,
    given_keypoints,
    no_keypoints,
    student_keypoints,
)
from gaittake.use.model import load
from gaittake.use.network_input import NetworkInput, network_input

SOURCES = ("background", "blazepose")
WITH_KEYPOINTS = ("blazepose",)
PROBES = {"d1": "same clothes", "d3": "other clothes", "d4": "indoors"}
DETECTOR = Detector(backbone="small", min_size=80, max_size=128)
# COCO's standard deviations of the 17 keypoints, as shares of the root of a person's area.
SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], dtype=np.float64
) / 1000  # fmt: skip
AREA_OF_HEIGHT = 0.35
MIN_CONFIDENCE = 0.5
FALSE_ACCEPTS = 0.02
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Embed = Callable[[NetworkInput], npt.NDArray[np.float32]]


class Pass(NamedTuple):
    """One pass of a person.

    Attributes:
        person: `p01`, …
        scenario: `d1`, `d3` or `d4`.
        view: 90 (to the right) or 270 (to the left).
        masks: `[frames, rows, columns]` of 0 and 255.
        keypoints: `[frames, 17, 3]` pixels and confidence, or None.
    """

    person: str
    scenario: str
    view: int
    masks: Bytes
    keypoints: npt.NDArray[np.float32] | None


class Worth(NamedTuple):
    """What embeddings are worth: shares in 0…1.

    Attributes:
        rank_1: by scenario; None without a probe.
        equal_error: across clothes.
        true_accepts: across clothes, at 2 % false accepts.
    """

    rank_1: dict[str, float | None]
    equal_error: float
    true_accepts: float


def read_passes(path: Path, source: str) -> list[Pass]:
    """Returns the passes of one source of masks."""
    passes = []
    with np.load(path) as file:
        for key in sorted(name for name in file.files if name.startswith(f"{source}/")):
            _, person, sequence, view = key.split("/")
            masks = np.unpackbits(file[key], axis=-1) * np.uint8(255)
            points = f"keypoints/{key}"
            keypoints = file[points] if points in file.files else None
            passes.append(Pass(person, sequence[:2], int(view), masks, keypoints))
    return passes


def to_the_left(found: Pass) -> Pass:
    """Returns a pass that walks to the left, mirrored if need be."""
    if found.view == 270:
        return found
    keypoints = found.keypoints
    if keypoints is not None:
        keypoints = keypoints[:, list(MIRROR)].copy()
        keypoints[..., 0] = found.masks.shape[2] - keypoints[..., 0]
    return found._replace(view=270, masks=found.masks[:, :, ::-1].copy(), keypoints=keypoints)


def prepared(found: Pass, locate: Locate = no_keypoints) -> NetworkInput:
    """Returns a pass as a network takes it."""
    return network_input(found.masks, settings=Align(), locate=locate, name=found.person)


def worth(passes: list[Pass], embeddings: npt.NDArray[np.float32]) -> Worth:
    """Returns the error rates of embeddings `[n, p, d]` of passes."""
    person, scenario = (np.array([item[place] for item in passes]) for place in (0, 1))
    view = np.array([item.view for item in passes])
    far = distances(embeddings, embeddings)
    comparable = view[:, None] == view[None]
    np.fill_diagonal(comparable, val=False)
    comparable &= scenario[None] == "d1"
    same = person[:, None] == person[None]
    rank_1: dict[str, float | None] = {}
    for name in PROBES:
        # Only people of whom the gallery has another pass can be found.
        rows = np.flatnonzero((scenario == name) & (comparable & same).any(axis=1))
        nearest = np.where(comparable[rows], far[rows], np.inf).argmin(axis=1)
        rank_1[name] = float((person[nearest] == person[rows]).mean()) if len(rows) else None
    across = comparable & (scenario == "d3")[:, None]
    return Worth(rank_1, *error_rates(far[across & same], far[across & ~same]))


def error_rates(same: Floats, different: Floats) -> tuple[float, float]:
    """Returns the equal error rate, and the true accepts at 2 % false accepts."""
    thresholds = np.sort(np.concatenate([same, different]))
    true_accepts, false_accepts = (
        np.searchsorted(np.sort(values), thresholds, side="right") / len(values)
        for values in (same, different)
    )
    place = int(np.argmax(false_accepts >= 1 - true_accepts))
    equal = (false_accepts[place] + 1 - true_accepts[place]) / 2
    return float(equal), float(true_accepts[false_accepts <= FALSE_ACCEPTS].max(initial=0.0))


def at_threshold(
    passes: list[Pass], embeddings: npt.NDArray[np.float32], threshold: float
) -> tuple[float, float]:
    """Returns true and false accepts across clothes at a model's own threshold."""
    person, scenario = (np.array([item[place] for item in passes]) for place in (0, 1))
    accepted = distances(embeddings, embeddings) <= threshold
    across = (scenario == "d3")[:, None] & (scenario == "d1")[None]
    same = person[:, None] == person[None]
    return float(accepted[across & same].mean()), float(accepted[across & ~same].mean())


def oks(found: npt.NDArray[np.float32], reference: npt.NDArray[np.float32], masks: Bytes) -> float:
    """Returns the mean object keypoint similarity of keypoints `[frames, 17, 3]`.

    Keypoints of the reference below a confidence of 0.5 are skipped, and frames without a mask.
    """
    values = []
    for one, other, mask in zip(found, reference, masks, strict=True):
        figure = box(mask)
        known = other[:, 2] >= MIN_CONFIDENCE
        if figure is None or not known.any():
            continue
        wide, high = figure[2] - figure[0], figure[3] - figure[1]
        area = max(AREA_OF_BOX * wide * high, AREA_OF_HEIGHT * high**2)
        square = np.square(one[:, :2].astype(np.float64) - other[:, :2]).sum(axis=1)
        values.append(np.exp(-square / (2 * area * np.square(2 * SIGMAS)))[known].mean())
    return float(np.mean(values))


def network_embed(network: nn.Module) -> Embed:
    """Returns what embeds a prepared pass by a network."""
    network.eval()

    @torch.inference_mode()
    def embed(item: NetworkInput) -> npt.NDArray[np.float32]:
        silhouettes = torch.from_numpy(item.silhouettes).float()[None] / 255
        rows = network(silhouettes, torch.from_numpy(item.keypoints)[None], None)
        return np.asarray(rows[0].float().numpy(), dtype=np.float32)

    return embed


def located(
    passes: list[Pass], locate: Locate | None
) -> tuple[list[Pass], list[NetworkInput], list[str]]:
    """Returns the usable passes, each also as a network takes it, and messages about the others.

    Args:
        passes: of one source of masks.
        locate: the student, or None: the detector's keypoints, where the file has them.
    """
    kept, items, refused = [], [], []
    for item in passes:
        try:
            items.append(prepared(item, locate or _detected(item)))
        except UserError as error:
            refused.append(str(error))
        else:
            kept.append(item)
    return kept, items, refused


def _detected(item: Pass) -> Locate:
    if item.keypoints is None:
        return no_keypoints
    return given_keypoints(item.keypoints, len(item.masks))


def student_of(path: Path) -> Locate:
    """Returns what asks a small student."""
    stage = PredictStage(detector=DETECTOR, boxes="silhouette", batch=16)
    return student_keypoints(for_prediction(load_detector(path, DETECTOR), "auto"), stage, [])


def student_oks(passes: list[Pass], student: Locate) -> dict[str, float]:
    """Returns the student's agreement with the detector's keypoints, by scenario."""
    found: dict[str, list[tuple[float, int]]] = {}
    for item in passes:
        if item.keypoints is None:
            continue
        seen = [n for n, mask in enumerate(item.masks) if box(mask) is not None]
        keypoints = np.zeros((len(item.masks), 17, 3), dtype=np.float32)
        keypoints[seen] = student([Shown(n, item.masks[n], mirrored=False) for n in seen])
        value = oks(keypoints, item.keypoints, item.masks)
        found.setdefault(item.scenario, []).append((value, len(seen)))
    return {
        name: float(np.average([v for v, _ in rows], weights=[n for _, n in rows]))
        for name, rows in sorted(found.items())
    }


def load_network(path: Path) -> tuple[nn.Module, bool]:
    """Returns the network in a weights file of the train stage, and whether it takes keypoints."""
    loaded = read_weights(path)
    network = build_network(loaded.network, **({"height": 64, "width": 44} | loaded.settings))
    network.load_state_dict(loaded.state)
    return network, uses_keypoints(loaded.settings)


def row(name: str, source: str, way: str, result: Worth) -> str:
    """Returns a row of the table, percent."""
    cells = [
        "–" if value is None else f"{100 * value:.0f}"
        for value in (
            *(result.rank_1[each] for each in PROBES),
            result.equal_error,
            result.true_accepts,
        )
    ]
    return f"| {name} | {source} | {way} | " + " | ".join(cells) + " |"


HEAD = (
    "| method | masks | compared | "
    + " | ".join(PROBES.values())
    + " | equal error | true accepts at 2 % |\n|---|---|---|---:|---:|---:|---:|---:|"
)


def main() -> None:
    """Prints the tables."""
    arguments = _arguments()
    logging.getLogger("gaittake").setLevel(logging.ERROR)  # the notes below count what was dropped
    student = student_of(arguments.student) if arguments.student else None
    gei = build_network("gei", height=64, width=44)
    networks = {"gei": (gei, False)} | {p.parent.name: load_network(p) for p in arguments.weights}
    models = {path: load(path) for path in arguments.model}
    print(HEAD)
    notes = []
    for source in SOURCES:
        raw = read_passes(arguments.masks, source)
        for way, every in (("same way", raw), ("one way", [to_the_left(p) for p in raw])):
            passes, items, refused = located(every, student)
            notes += [f"{source}, {way}: not usable: {reason}" for reason in refused]
            for name, (network, with_keypoints) in networks.items():
                if with_keypoints and not (student or source in WITH_KEYPOINTS):
                    continue
                embed = network_embed(network)
                found = np.stack([embed(item) for item in items])
                print(row(name, source, way, worth(passes, found)), flush=True)
            for path, model in models.items():
                found = np.stack([model.embed(item.masks) for item in passes])
                print(row(path.name, source, way, worth(passes, found)), flush=True)
                threshold = model.about.calibration.threshold
                right, wrong = at_threshold(passes, found, threshold)
                notes.append(
                    f"{path.name}, {source}, {way}: at its threshold {threshold:.4f} "
                    f"{100 * right:.1f} % true and {100 * wrong:.1f} % false accepts"
                )
            if student and source == "blazepose":
                shares = student_oks(passes, student)
                listed = ", ".join(f"{name} {value:.3f}" for name, value in shares.items())
                notes.append(f"student, OKS, {way}: {listed}")
    print("\n" + "\n".join(notes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("masks", type=Path, help="the .npz file of masks")
    parser.add_argument("--student", type=Path, help="weights of a small student")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="of trained networks")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="exported models")
    return parser.parse_args()


if __name__ == "__main__":
    main()
