"""Commands of the pose stages: 17 keypoints for each silhouette, predicted or the user's own."""

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
    beside,
    job_of,
    network_on,
    reads,
    require_check,
    stage_settings,
    writes,
)
from gaittake.errors import UserError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
TeacherFile = Annotated[Path | None, reads("Weights of the teacher, .pt.")]
PeopleFileOption = Annotated[Path | None, reads("People that `collect` read, .h5.")]


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
    """Get the detector that labels colour frames: COCO's, or one trained on rendered people."""
    from gaittake.pipeline import inputs, plan
    from gaittake.pipeline.fingerprint import fingerprint

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.teacher, job, digest)
    for path in [check] if check else inputs.teacher_check(job):
        require_check(job, path)
    place = _computing_on(device, threads)
    from gaittake.pose.teacher import train_teacher

    train_teacher(
        settings,
        checkpoints=checkpoints
        or beside(out, ".checkpoints", job.path("pose/checkpoints/teacher")),
        out=out or job.path("pose/teacher.pt"),
        device=place,
        code=fingerprint("gaittake.pose.teacher"),
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
    """Label colour frames of training subjects with the teacher."""
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
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("pose/pseudo_labels/{shard}.rejects.csv")),
        device=place,
    )


def collect(
    dataset: Dataset,
    overrides: Overrides = None,
    digest: Digest = None,
    files: Annotated[
        list[Path] | None, reads("Keypoints of another program, .json or .csv; repeatable.")
    ] = None,
    out: Annotated[Path | None, writes("Their people by sequence and frame, .h5.")] = None,
) -> None:
    """Read the files of source.keypoints or pose.labels, once for all shards."""
    from gaittake.pipeline import inputs, plan
    from gaittake.pose.people_file import collect_people

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.collect, job, digest)
    if not (files or settings.files):
        raise UserError(f"{dataset}: neither source.keypoints nor pose.labels is set")
    collect_people(files or inputs.keypoint_files(job), out=out or job.path("pose/people.h5"))


def assign_keypoints(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    index: IndexFile = None,
    people: PeopleFileOption = None,
    out: Annotated[Path | None, writes("Keypoints of the shard, .h5.")] = None,
    out_rejects: RejectsOut = None,
) -> None:
    """Match the keypoints of source.keypoints to the silhouettes of a shard."""
    from gaittake.pipeline import plan
    from gaittake.pose import assign

    job = job_of(dataset, overrides, shard=shard)
    assign.assign_keypoints(
        stage_settings(plan.assign_keypoints, job, digest),
        index=index or job.path("index/{shard}.csv"),
        people=people or job.path("pose/people.h5"),
        out=out or job.path("pose/own_keypoints/{shard}.h5"),
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("pose/own_keypoints/{shard}.rejects.csv")),
    )


def assign_labels(
    dataset: Dataset,
    shard: Shard = None,
    overrides: Overrides = None,
    digest: Digest = None,
    check: CheckFile = None,
    index: IndexFile = None,
    people: PeopleFileOption = None,
    out: Annotated[Path | None, writes("Pseudo-labels of the shard, .h5.")] = None,
    out_rejects: RejectsOut = None,
) -> None:
    """Match the keypoints of pose.labels to silhouettes of training subjects, as labels."""
    from gaittake.pipeline import plan
    from gaittake.pose import assign

    job = job_of(dataset, overrides, shard=shard)
    settings = stage_settings(plan.assign_labels, job, digest)
    require_check(job, check)
    assign.assign_labels(
        settings,
        index=index or job.path("index/{shard}.csv"),
        people=people or job.path("pose/people.h5"),
        out=out or job.path("pose/own_labels/{shard}.h5"),
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("pose/own_labels/{shard}.rejects.csv")),
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
    """Train the student on silhouettes with the pseudo-labels; a stopped run continues."""
    from gaittake.pipeline import inputs, plan
    from gaittake.pipeline.fingerprint import fingerprint

    job = job_of(dataset, overrides)
    settings = stage_settings(plan.finetune, job, digest)
    require_check(job, check)
    place = _computing_on(device, threads)
    from gaittake.pose.finetune import finetune_student

    finetune_student(
        settings,
        pseudo_labels=pseudo_labels or inputs.pseudo_labels(job),
        index=index or job.each("index/{shard}.csv", "train"),
        teacher=teacher or job.path("pose/teacher.pt"),
        checkpoints=checkpoints
        or beside(out, ".checkpoints", job.path("pose/checkpoints/student")),
        out=out or job.path("pose/student.pt"),
        device=place,
        code=fingerprint("gaittake.pose.finetune"),
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
        rejects=out_rejects
        or beside(out, ".rejects.csv", job.path("pose/keypoints/{shard}.rejects.csv")),
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
    """Measure the keypoints against held-out pseudo-labels and, on rendered data, the truth."""
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
    place = network_on(device, threads)
    import torch

    name = torch.cuda.get_device_name(place) if place.type == "cuda" else "the CPU"
    logger.info("computing on %s", name)
    return place
