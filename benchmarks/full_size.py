"""What CASIA-B and OU-MVLP cost: arithmetic on what `growth.py` measured, for its last tables.

Files: frames or sequences x the CPU seconds that each took in the small run. A picture of OU-MVLP
has 16 times the pixels of CASIA-B's; what reading it takes more is measured and added.

Networks: multiply-accumulates (`gaittake/models/cost.py`; the detector's are counted likewise)
divided by a rate. The CPU's rate is measured, on one core, with the paper's networks; the GPU's is
an assumption. A training step is three forward passes: going back, each layer's product is formed
for its input and for its weights.
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
OWN_STUDENT = ("pseudo-label", "quality")  # no stages of a set that borrows its student
MADE_HERE = ("render", "teacher")  # of walkers alone
NOTES = """
CPU hours are those of one core. Stages without measurable growth are omitted. Growth is linear
except for `evaluate`, which grows with the number of pairs: `evaluation.py --views 14` measures it
at OU-MVLP's size, and `size.py` measures index, merge and survey. The column "small networks" is
also the CPU work that remains when a GPU runs the paper's networks, since reading and cropping
images is the same. `finetune` is an upper bound: 128 people per image pass the keypoint head."""


class Full(NamedTuple):
    """A set in full; a sequence has about so many frames; rows and columns of a picture."""

    dataset: str
    title: str
    sequences: int
    frames: int
    size: tuple[int, int]


class Each(NamedTuple):
    """What a stage handles, and the CPU seconds that each takes."""

    handled: str
    seconds: float


SETS = (
    Full("casiab", "CASIA-B", 13_640, 90, (240, 320)),
    Full("oumvlp", "OU-MVLP", 268_000, 25, (980, 1280)),
)


def print_full_size(each: dict[str, Each], bytes_a_frame: float, *, tflops: float) -> None:
    """Prints the table of each set.

    Args:
        each: what the stages take, in their order; 0 seconds where no growth was seen.
        bytes_a_frame: of the cache's file.
        tflops: 10^12 operations a second that a GPU is assumed to sustain.
    """
    torch.set_num_threads(1)
    rates = measured_rates()
    print(
        "\nThe paper's networks on one core, measured: Keypoint R-CNN "
        f"{rates['detector'] / 1e9:.0f} GMAC/s, GaitTAKE {rates['gaittake'] / 1e9:.0f} GMAC/s.\n"
        f"A GPU: {tflops:g} TFLOP/s sustained is ASSUMED, not measured; files are left out there."
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
        print(f"| together | | | | {hours(total)} |")
        print_memory(full, settings, bytes_a_frame)
    print(NOTES)


def hours(value: float | None) -> str:
    """Returns hours as a cell."""
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def counts_of(full: Full, settings: Settings) -> dict[str, float]:
    """Returns how much of each kind there is to handle."""
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
    """Returns the multiply-accumulates of the stages that have a network, the paper's."""
    counts, pose, train = counts_of(full, settings), settings.pose, settings.train
    looked, learnt = (
        detector_macs(pose.detector, full.size, regions=regions, people=people)
        for regions, people in (PREDICTING, TRAINING)
    )
    clip, walk = (
        network_cost(lambda: gaittake(settings), frames=length).multiply_accumulates
        for length in (train.frames, full.frames)
    )
    clips = train.steps * train.subjects_per_batch * train.sequences_per_subject
    student = {
        "pseudo-label": counts["training frames"] / pose.pseudo_label.every * looked,
        "finetune": pose.finetune.steps * pose.finetune.batch * PASSES * learnt,
    }
    return (student if pose.student_from is None else {}) | {
        "predict": counts["frames"] * looked,
        "train": clips * PASSES * clip,
        "embed": counts["test sequences"] * walk,
    }


def print_memory(full: Full, settings: Settings, bytes_a_frame: float) -> None:
    """Prints what is held at once, and the cache's size."""
    counts = counts_of(full, settings)
    held = settings.align.height * settings.align.width + 17 * 3 * 4  # uint8 pixels, float32 joints
    cost = network_cost(lambda: gaittake(settings))
    embeddings = counts["test sequences"] * cost.parts * cost.embedding * 4
    disk = counts["frames"] * bytes_a_frame / 1e9
    print(
        f"\nFrames for train: {counts['training frames'] * held / 1e9:.1f} GB, for embed: "
        f"{counts['test frames'] * held / 1e9:.1f} GB; what does not fit is streamed. Embeddings: "
        f"{embeddings / 1e9:.2f} GB. The cache on disk: {disk:.1f} GB, if its outlines compress as "
        "the walkers' do.",
        flush=True,
    )
