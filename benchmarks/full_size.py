"""Estimated cost of CASIA-B and OU-MVLP from the measurements of `growth.py`, for its last tables.

Files: number of frames or sequences x CPU seconds of each in the small run. An image of OU-MVLP has
16 times the pixels of CASIA-B's; the additional reading time is measured and added.

Networks: multiply-accumulates (`gaittake/models/cost.py`; the detector's are counted in the same
way) divided by a rate. The CPU's rate is measured on one core with the paper's networks; the GPU's
is an assumption. A training step counts as three forward passes, because the backward pass computes
a product for the input and one for the weights of each layer.
"""

from typing import NamedTuple

import torch
from rates import PREDICTING, TRAINING, detector_macs, gaittake, measured_rates, reading_seconds
from rates import SIZE as SMALL_SIZE
from sequences import REPOSITORY

from gaittake.models.cost import network_cost
from gaittake.pipeline.subjects import test_subjects, train_subjects
from gaittake.settings import Settings, load_settings

HOUR = 3600
PASSES = 3  # of a training step, in forward passes
READERS = ("cache", "predict")  # of whole silhouettes
OWN_STUDENT = ("pseudo-label", "quality")  # not of a dataset that borrows its student
MADE_HERE = ("render", "teacher")  # only for rendered datasets
NOTES = """
Hours of one core; stages without measurable growth are skipped. All are linear except `evaluate`,
which grows with the pairs of sequences: `evaluation.py --views 14` measures it at OU-MVLP's size,
`size.py` measures index, merge and survey. Small networks need the same reading and cutting of
images as the paper's, so their column is also the CPU's work beside a GPU. `finetune` is an upper
bound: 128 people in each image go through the keypoint head."""


class Full(NamedTuple):
    """A full dataset: number of sequences, mean number of frames, rows and columns of an image."""

    dataset: str
    title: str
    sequences: int
    frames: int
    size: tuple[int, int]


class Each(NamedTuple):
    """What a stage processes, and the CPU seconds of each."""

    handled: str
    seconds: float


SETS = (
    Full("casiab", "CASIA-B", 13_640, 90, (240, 320)),
    Full("oumvlp", "OU-MVLP", 268_000, 25, (980, 1280)),
)


def print_full_size(each: dict[str, Each], bytes_a_frame: float, *, tflops: float) -> None:
    """Prints the table of each dataset.

    Args:
        each: cost of the stages, in their order; 0 seconds if no growth was measured.
        bytes_a_frame: of the cache's file.
        tflops: assumed sustained rate of a GPU, 10^12 operations per second.
    """
    torch.set_num_threads(1)
    rates = measured_rates()
    print(
        "\nThe paper's networks on one core, measured: Keypoint R-CNN "
        f"{rates['detector'] / 1e9:.0f} GMAC/s, GaitTAKE {rates['gaittake'] / 1e9:.0f} GMAC/s.\n"
        f"A GPU: {tflops:g} TFLOP/s sustained is ASSUMED, not measured, and excludes files."
    )
    for full in SETS:
        settings = load_settings(REPOSITORY / "config" / f"{full.dataset}.yaml")
        counts, macs = counts_of(full, settings), macs_of(full, settings)
        more = max(0.0, reading_seconds(full.size) - reading_seconds(SMALL_SIZE))
        print(f"\n{full.title}: {full.sequences:,} sequences of about {full.frames} frames\n")
        print("| stage | processes | small networks, CPU h | the paper's, CPU h | GPU h, assumed |")
        print("|---|---:|---:|---:|---:|")
        steps = {"finetune": settings.pose.finetune.steps, "train": settings.train.steps}
        total = 0.0
        for stage, (handled, seconds) in each.items():
            lent = settings.pose.student_from is not None and stage in OWN_STUDENT
            if stage in MADE_HERE or lent or not (seconds or stage in macs):
                continue
            what = f"{counts.get(handled) or steps[stage]:,.0f} {handled}"
            small = gpu = None
            if seconds:
                small = counts[handled] * (seconds + more * (stage in READERS)) / HOUR
            cpu = small
            if stage in macs:
                rate = rates["gaittake" if stage in ("train", "embed") else "detector"]
                cpu, gpu = macs[stage] / rate / HOUR, macs[stage] * 2 / (tflops * 1e12) / HOUR
                total += gpu
            print(f"| {stage} | {what} | {hours(small)} | {hours(cpu)} | {hours(gpu)} |")
        print(f"| total | | | | {hours(total)} |")
        print_memory(full, settings, bytes_a_frame)
    print(NOTES)


def hours(value: float | None) -> str:
    """Returns hours as a cell."""
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def counts_of(full: Full, settings: Settings) -> dict[str, float]:
    """Returns the number of frames and sequences of each kind."""
    training = len(train_subjects(settings))
    share = training / (training + len(test_subjects(settings)))
    frames = full.sequences * full.frames
    return {
        "frames": frames,
        "training frames": frames * share,
        "test frames": frames * (1 - share),
        "sequences": full.sequences,
        "test sequences": full.sequences * (1 - share),
    }


def macs_of(full: Full, settings: Settings) -> dict[str, float]:
    """Returns the multiply-accumulates of the stages with a network, at the paper's size."""
    counts, pose, train = counts_of(full, settings), settings.pose, settings.train
    predicting, training = (
        detector_macs(pose.detector, full.size, regions=regions, people=people)
        for regions, people in (PREDICTING, TRAINING)
    )
    clip, sequence = (
        network_cost(lambda: gaittake(settings), frames=length).multiply_accumulates
        for length in (train.frames, full.frames)
    )
    clips = train.steps * train.subjects_per_batch * train.sequences_per_subject
    student = {
        "pseudo-label": counts["training frames"] / pose.pseudo_label.every * predicting,
        "finetune": pose.finetune.steps * pose.finetune.batch * PASSES * training,
    }
    return (student if pose.student_from is None else {}) | {
        "predict": counts["frames"] * predicting,
        "train": clips * PASSES * clip,
        "embed": counts["test sequences"] * sequence,
    }


def print_memory(full: Full, settings: Settings, bytes_a_frame: float) -> None:
    """Prints the memory of frames and embeddings, and the size of the cache."""
    counts = counts_of(full, settings)
    # uint8 pixels, float32 keypoints
    held = settings.align.height * settings.align.width + 17 * 3 * 4
    cost = network_cost(lambda: gaittake(settings))
    embeddings = counts["test sequences"] * cost.parts * cost.embedding * 4
    disk = counts["frames"] * bytes_a_frame / 1e9
    print(
        f"\nFrames for train: {counts['training frames'] * held / 1e9:.1f} GB, for embed: "
        f"{counts['test frames'] * held / 1e9:.1f} GB; frames that do not fit are streamed. "
        f"Embeddings: {embeddings / 1e9:.2f} GB. Cache on disk: {disk:.1f} GB, if its "
        "silhouettes compress like the rendered ones.",
        flush=True,
    )
