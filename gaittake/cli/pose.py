"""Commands of the pose stages: from RGB frames to 17 keypoints for each silhouette."""

from pathlib import Path

from gaittake.cli.job import (
    Dataset,
    Device,
    DeviceOption,
    File,
    Files,
    Job,
    Overrides,
    Record,
    Shard,
    Threads,
    computing_on,
)


def teacher(
    dataset: Dataset,
    overrides: Overrides = None,
    record: Record = None,
    checkpoints: File = None,
    out: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Get the detector that labels RGB frames: COCO's, or one trained on rendered people."""
    job = Job(dataset, overrides)
    from gaittake.settings import TeacherStage

    settings = job.record("teacher", TeacherStage, record)
    place = computing_on(device, threads)
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
    record: Record = None,
    index: File = None,
    teacher: File = None,
    out: File = None,
    rejects: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Label the RGB frames of training subjects with the teacher."""
    job = Job(dataset, overrides, shard)
    from gaittake.settings import PseudoLabelStage

    settings = job.record("pseudo-label", PseudoLabelStage, record)
    place = computing_on(device, threads)
    from gaittake.pose.pseudo_label import make_pseudo_labels

    make_pseudo_labels(
        settings,
        index=index or job.path("index/{shard}.csv"),
        teacher=teacher or job.path("pose/teacher.pt"),
        out=out or job.path("pose/pseudo_labels/{shard}.h5"),
        rejects=rejects or job.path("pose/pseudo_labels/{shard}.rejects.csv"),
        device=place,
    )


def finetune(
    dataset: Dataset,
    overrides: Overrides = None,
    record: Record = None,
    pseudo_labels: Files = None,
    index: Files = None,
    teacher: File = None,
    checkpoints: File = None,
    out: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Train the detector on silhouettes with the pseudo-labels; a stopped run continues."""
    job = Job(dataset, overrides)
    from gaittake.settings import FinetuneStage

    settings = job.record("finetune", FinetuneStage, record)
    place = computing_on(device, threads)
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
    record: Record = None,
    index: File = None,
    student: File = None,
    out: File = None,
    rejects: File = None,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
) -> None:
    """Predict the keypoints of every silhouette of a shard."""
    job = Job(dataset, overrides, shard)
    from gaittake.settings import PredictStage

    settings = job.record("predict", PredictStage, record)
    place = computing_on(device, threads)
    from gaittake.pose.predict import predict_keypoints

    predict_keypoints(
        settings,
        index=index or job.path("index/{shard}.csv"),
        student=student or _student(job),
        out=out or job.path("pose/keypoints/{shard}.h5"),
        rejects=rejects or job.path("pose/keypoints/{shard}.rejects.csv"),
        device=place,
    )


def quality(
    dataset: Dataset,
    overrides: Overrides = None,
    record: Record = None,
    keypoints: Files = None,
    pseudo_labels: Files = None,
    truth: Files = None,
    out: File = None,
) -> None:
    """Measure the keypoints against pseudo-labels held out, and exact joints where there are."""
    job = Job(dataset, overrides)
    from gaittake.pose.quality import measure_quality
    from gaittake.settings import QualityStage

    settings = job.record("quality", QualityStage, record)
    if keypoints is None:
        keypoints = job.each("pose/keypoints/{shard}.h5")
        if job.settings.pose.student_from is None:
            pseudo_labels = pseudo_labels or job.each("pose/pseudo_labels/{shard}.h5", "train")
        if job.settings.source.layout == "walkers":
            truth = truth or job.each("data/{shard}/truth.h5")
    measure_quality(
        settings,
        keypoints=keypoints,
        pseudo_labels=pseudo_labels or [],
        truth=truth or [],
        out=out or job.path("pose/quality.json"),
    )


def _student(job: Job) -> Path:
    """Returns the student of the dataset, or that of the dataset that it takes it from."""
    return Job(job.settings.pose.student_from or job.dataset).path("pose/student.pt")
