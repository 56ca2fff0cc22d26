"""Where a method's results come from, as tables and the report state it."""

from pathlib import Path
from statistics import median
from typing import Any

from gaittake.io.frame_rate import frame_rate
from gaittake.io.tables import read_sequences
from gaittake.pipeline.job import Job, method_of
from gaittake.settings import SECTIONS, SIZES, Pose, Settings, Size, Train
from gaittake.settings.methods import KNOWN
from gaittake.settings.training import published
from gaittake.use.rate import NEAR

# The size of the networks in the published results on a layout.
PUBLISHED: dict[str, Size] = {"casiab": "casiab", "oumvlp": "oumvlp"}
POSE_SECTIONS = ("detector", "pseudo_label")
ASKED = 20  # videos of a dataset whose frame rate is read
# Settings that do not change a result, and one on which the paper has nothing.
NOT_PUBLISHED = ("log_every", "checkpoint_every", "precision", "pose.finetune.mirror")


def note(settings: Settings) -> str:
    """Returns the note that every table of the dataset shows."""
    lent = settings.networks_from
    given = ", ".join(name for name, method in settings.methods.items() if method.weights)
    trained = [
        f"Trained on {lent}." if lent else "",
        f"Weights of a file, not trained here: {given}." if given else "",
    ]
    return " ".join(filter(None, [*trained, settings.note.strip()]))


def trained_on(settings: Settings, method: str) -> str | None:
    """Returns the file of a method's weights, or the lending dataset; None: trained here."""
    weights = settings.method(method).weights
    return settings.networks_from if weights is None else str(weights)


def trained_on_rendered(job: Job) -> bool | None:
    """Returns whether a method's network learnt from rendered people; None: it is not known."""
    settings = job.settings
    method, _ = method_of(job.known_method(), settings)
    if settings.method(method).weights:
        return None
    lent = settings.networks_from
    return (Job(lent, results=job.results).settings if lent else settings).rendered


def trained_fps(job: Job) -> float | None:
    """Returns the frames per second that a method's network learnt from; None: unknown.

    For a network without a training, they are those of the measurement.
    """
    settings = job.settings
    chosen = settings.method(method_of(job.known_method(), settings)[0])
    if chosen.weights:
        return None
    lent = settings.networks_from if chosen.learns else None
    return _fps(Job(lent, results=job.results) if lent else job)


def _fps(job: Job) -> float | None:
    settings = job.settings
    if settings.rendered:
        return settings.walkers.fps
    return settings.fps or _fps_of_videos(job)


def _fps_of_videos(job: Job) -> float | None:
    """Returns the median frame rate of some videos in the index, unless they differ much."""
    tables = filter(Path.exists, job.each("index/{shard}.csv"))
    rows = [row for table in tables for row in read_sequences(table)]
    chosen = rows[:: max(1, len(rows) // ASKED)]
    rates = [rate for row in chosen if (rate := frame_rate(row.video or row.silhouettes))]
    return median(rates) if rates and max(rates) <= NEAR * min(rates) else None


def rendered_student(job: Job) -> str:
    """Returns the rendered people from whom a filmed dataset's student learnt; '' if from none."""
    settings = job.settings
    if settings.rendered or not (settings.own_student or settings.keypoints_from == "borrowed"):
        return ""
    lender = settings.student_lender
    taught = Job(lender, results=job.results).settings if lender else settings
    if taught.rendered:
        return str(lender)
    teacher = taught.keypoints_from == "teacher" and taught.pose.teacher_weights == "walkers"
    return "the labels of a teacher trained on rendered people" if teacher else ""


def unpublished(settings: Settings, method: str) -> dict[str, str]:
    """Returns a method's settings that differ from the published ones, and how.

    Args:
        settings: of a dataset; only CASIA-B and OU-MVLP have published results to compare with.
        method: a row of a table.

    Returns:
        For example `train.steps`: `2 instead of 80000`.
    """
    size: Size | None = PUBLISHED.get(settings.source.layout)
    chosen = settings.method(method)
    if size is None or not chosen.learns:
        return {}
    usual = KNOWN.get(method, chosen)
    network = SECTIONS[chosen.network]
    recipe = published(chosen.network, size).model_dump() | usual.train
    model = SIZES[size].get(chosen.network, {}) | usual.model
    pairs = [
        ("train", settings.method_train(method), Train.model_validate(recipe)),
        ("model", settings.method_model(method), network.model_validate(model)),
    ]
    if settings.own_student and chosen.network == "gaittake":
        pose, default = settings.pose, Pose()
        pairs += [(f"pose.{s}", getattr(pose, s), getattr(default, s)) for s in POSE_SECTIONS]
        if pose.finetune.steps < default.finetune.steps:
            pairs.append(("pose.finetune", pose.finetune, default.finetune))
    given = {"files": "source.keypoints", "own": "source.keypoints", "labels": "pose.labels"}
    other = settings.keypoints_from in given and settings.takes_keypoints(method)
    named = {given[settings.keypoints_from]: "your files instead of the teacher"} if other else {}
    return named | {
        f"{section}.{name}": f"{_plain(value)} instead of {_plain(getattr(expected, name))}"
        for section, found, expected in pairs
        for name, value in found
        if value != getattr(expected, name)
        and not {name, f"{section}.{name}"}.intersection(NOT_PUBLISHED)
    }


def _plain(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)
