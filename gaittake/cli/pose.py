"""Commands of the pose stages: from RGB frames to 17 keypoints for each silhouette."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gaittake.cli.options import (
    CheckFile,
    CheckpointFolder,
    Dataset,
    Device,
    DeviceOption,
    Digest,
    IndexFile,
    IndexFiles,
    KeypointsFiles,
    LabelsFiles,
    Overrides,
    RejectsOut,
    Shard,
    Threads,
    TruthFiles,
    computing_on,
    job_of,
    reads,
    require_check,
    stage_settings,
    writes,
)

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
TeacherFile = Annotated[Path | None, reads("Weights of the teacher, .pt.")]


def teacher(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    checkpoints: CheckpointFolder = None,
    out: Annotated[Path | None, writes("Weights of the teacher, .pt.")] = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Get the detector that labels RGB frames: COCO's, or one trained on rendered people."""
    from gaittake.pipeline import plan

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.teacher, job, digest)
    require_check(job, check)
    place = _computing_on(device, threads)
    from gaittake.pose.teacher import train_teacher

    train_teacher(
        settings,
        checkpoints=checkpoints or job.path("pose/checkpoints/teacher"),
        out=out or job.path("pose/teacher.pt"),
        device=place,
    )


def pseudo_label(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    index: IndexFile = None,
    teacher: TeacherFile = None,
    out: Annotated[Path | None, writes("Pseudo-labels of the shard, .h5.")] = None,
    out_rejects: RejectsOut = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Label the RGB frames of training subjects with the teacher."""
    from gaittake.pipeline import plan

    job = job_of(dataset, overrides, shard=shard)
    settings = stage_settings(plan.pseudo_label, job, digest)
    require_check(job, check)
    place = _computing_on(device, threads)
    from gaittake.pose.pseudo_label import make_pseudo_labels

    make_pseudo_labels(
        settings,
        index=index or job.path("index/{shard}.csv"),
        teacher=teacher or job.path("pose/teacher.pt"),
        out=out or job.path("pose/pseudo_labels/{shard}.h5"),
        rejects=out_rejects or job.path("pose/pseudo_labels/{shard}.rejects.csv"),
        device=place,
    )


def finetune(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    pseudo_labels: LabelsFiles = None,
    index: IndexFiles = None,
    teacher: TeacherFile = None,
    checkpoints: CheckpointFolder = None,
    out: Annotated[Path | None, writes("Weights of the student, .pt.")] = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Train the detector on silhouettes with the pseudo-labels; a stopped run continues."""
    from gaittake.pipeline import plan

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.finetune, job, digest)
    require_check(job, check)
    place = _computing_on(device, threads)
    from gaittake.pose.finetune import finetune_student

    finetune_student(
        settings,
        pseudo_labels=pseudo_labels or job.each("pose/pseudo_labels/{shard}.h5", "train"),
        index=index or job.each("index/{shard}.csv", "train"),
        teacher=teacher or job.path("pose/teacher.pt"),
        checkpoints=checkpoints or job.path("pose/checkpoints/student"),
        out=out or job.path("pose/student.pt"),
        device=place,
    )


def predict(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    index: IndexFile = None,
    student: Annotated[Path | None, reads("Weights of the student, .pt.")] = None,
    out: Annotated[Path | None, writes("Keypoints of the shard, .h5.")] = None,
    out_rejects: RejectsOut = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Predict the keypoints of every silhouette of a shard."""
    from gaittake.pipeline import inputs, plan

    job = job_of(dataset, overrides, shard=shard)
    settings = stage_settings(plan.predict, job, digest)
    require_check(job, check)
    place = _computing_on(device, threads)
    from gaittake.pose.predict import predict_keypoints

    predict_keypoints(
        settings,
        index=index or job.path("index/{shard}.csv"),
        student=student or inputs.student(job),
        out=out or job.path("pose/keypoints/{shard}.h5"),
        rejects=out_rejects or job.path("pose/keypoints/{shard}.rejects.csv"),
        device=place,
    )


def quality(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    keypoints: KeypointsFiles = None,
    pseudo_labels: LabelsFiles = None,
    truth: TruthFiles = None,
    out: Annotated[Path | None, writes("Quality of the keypoints, .json.")] = None,
) -> None:
    """Measure the keypoints against held-out pseudo-labels and, where rendered, the truth."""
    from gaittake.pipeline import inputs, plan
    from gaittake.pose.quality import measure_quality

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.quality, job, digest)
    if keypoints is None:
        keypoints = inputs.every_keypoints(job)
        pseudo_labels = pseudo_labels or inputs.pseudo_labels(job)
        truth = truth or inputs.every_truth(job)
    measure_quality(
        settings,
        keypoints=keypoints,
        pseudo_labels=pseudo_labels or [],
        truth=truth or [],
        out=out or job.path("pose/quality.json"),
    )


def _computing_on(device: Device, threads: int | None) -> "torch.device":
    """Returns the device to compute on, and logs it."""
    place = computing_on(device, threads)
    import torch

    name = torch.cuda.get_device_name(place) if place.type == "cuda" else "the CPU"
    logger.info("computing on %s", name)
    return place
