"""What each stage reads of the settings.

A function per stage makes its record, which the rule passes to the command as JSON.
"""

from pathlib import Path

from gaittake.errors import UserError
from gaittake.pipeline import origin
from gaittake.pipeline.job import Job, method_of
from gaittake.pipeline.subjects import (
    held_out,
    test_subjects,
    train_subjects,
)
from gaittake.settings import (
    AssignKeypointsStage,
    AssignLabelsStage,
    CacheStage,
    CheckStage,
    CollectStage,
    CompareStage,
    EmbedStage,
    EvaluateStage,
    FinetuneStage,
    IndexStage,
    Method,
    PredictStage,
    PseudoLabelStage,
    QualityStage,
    RenderStage,
    ReportStage,
    SegmentStage,
    Settings,
    SurveyStage,
    TeacherStage,
    Train,
    TrainStage,
    Walkers,
    changed,
)


def render(job: Job) -> RenderStage:
    """Returns what `render` reads."""
    training = job.known_shard().startswith("train")
    walkers = _rendering(job.settings, training=training)
    return RenderStage(walkers=walkers, subjects=_shard_subjects(job))


def segment(job: Job) -> SegmentStage:
    """Returns what `segment` reads."""
    return SegmentStage(source=job.settings.source, subjects=_shard_subjects(job))


def index(job: Job) -> IndexStage:
    """Returns what `index` reads."""
    return IndexStage(source=job.settings.source, subjects=_shard_subjects(job))


def check(job: Job) -> CheckStage:
    """Returns what `check` reads."""
    settings = job.settings
    return CheckStage(
        dataset=settings.dataset,
        protocol=settings.protocol,
        train_subjects=tuple(train_subjects(settings)),
        test_subjects=tuple(test_subjects(settings)),
        largest_batch=_largest_batch(settings),
        labels=settings.keypoints_from == "teacher",
        rendered=settings.rendered,
    )


def survey(job: Job) -> SurveyStage:
    """Returns what `survey` reads."""
    settings = job.settings
    return SurveyStage(
        source=settings.source, protocol=settings.protocol, frames=longest_clip(settings)
    )


def teacher(job: Job) -> TeacherStage:
    """Returns what `teacher` reads: of COCO's weights and those of a file only which."""
    pose = job.settings.pose
    trained = pose.teacher_weights == "walkers"
    settings = job.settings if trained else Settings(dataset=job.dataset)
    return TeacherStage(
        seed=settings.seed,
        weights=pose.teacher_weights,
        people=settings.pose.teacher_people,
        walkers=_rendering(settings).model_copy(
            update={"recorded": None, "recorded_halves": False}
        ),
        detector=pose.detector,
        boxes=settings.pose.boxes,
        training=settings.pose.teacher,
    )


def pseudo_label(job: Job) -> PseudoLabelStage:
    """Returns what `pseudo-label` reads: of test subjects nothing is labelled."""
    pose, training = job.settings.pose, set(train_subjects(job.settings))
    return PseudoLabelStage(
        detector=pose.detector,
        boxes=pose.boxes,
        pseudo_label=pose.pseudo_label,
        batch=pose.batch,
        subjects=tuple(subject for subject in _shard_subjects(job) if subject in training),
    )


def collect(job: Job) -> CollectStage:
    """Returns what `collect` reads."""
    return CollectStage(files=keypoint_places(job.settings))


def assign_keypoints(job: Job) -> AssignKeypointsStage:
    """Returns what `assign-keypoints` reads."""
    max_shift = job.settings.pose.pseudo_label.max_shift
    return AssignKeypointsStage(max_shift=max_shift, subjects=_shard_subjects(job))


def assign_labels(job: Job) -> AssignLabelsStage:
    """Returns what `assign-labels` reads: of test subjects nothing is labelled."""
    training = set(train_subjects(job.settings))
    return AssignLabelsStage(
        pseudo_label=job.settings.pose.pseudo_label,
        subjects=tuple(subject for subject in _shard_subjects(job) if subject in training),
    )


def finetune(job: Job) -> FinetuneStage:
    """Returns what `finetune` reads: training subjects that are not held out."""
    settings, pose = job.settings, job.settings.pose
    out = set(held_out(settings))
    return FinetuneStage(
        seed=settings.seed,
        detector=pose.detector,
        boxes=pose.boxes,
        training=pose.finetune,
        subjects=tuple(subject for subject in train_subjects(settings) if subject not in out),
    )


def predict(job: Job) -> PredictStage:
    """Returns what `predict` reads."""
    pose = job.settings.pose
    known = pose.boxes == "detected" and not pose.proposals
    return PredictStage(
        detector=pose.detector,
        boxes="known" if known else pose.boxes,
        follow=pose.follow,
        precision=pose.precision,
        batch=pose.batch,
    )


def quality(job: Job) -> QualityStage:
    """Returns what `quality` reads."""
    settings = job.settings
    return QualityStage(
        held_out=tuple(held_out(settings)), test_subjects=tuple(test_subjects(settings))
    )


def cache(job: Job) -> CacheStage:
    """Returns what `cache` reads."""
    settings = job.settings
    source = settings.keypoints_from
    return CacheStage(
        align=settings.align, keypoints=source != "none", own_keypoints=source == "own"
    )


def train(job: Job) -> TrainStage:
    """Returns what `train` reads.

    Raises:
        UserError: the dataset's networks are trained on another one, the method has weights, or
            its network does not suit the dataset.
    """
    settings = job.settings
    method, seed = method_of(job.known_method(), settings)
    if settings.networks_from:
        raise UserError(
            f"networks_from: {settings.dataset}'s networks are trained on another dataset: "
            f"gaittake train {settings.networks_from} --method {method}"
        )
    chosen = _suited(settings, method)
    if chosen.weights is not None:
        raise UserError(
            f"methods.{method}.weights: {chosen.weights} is tested without a training; `gaittake "
            "embed` comes next, or remove weights"
        )
    return TrainStage(
        seed=seed,
        network=chosen.network,
        model=settings.method_model(method).model_dump(mode="json"),
        train=settings.method_train(method),
        keypoints=_keypoints(settings, method),
        noise=chosen.noise,
        subjects=tuple(train_subjects(settings)),
    )


def embed(job: Job) -> EmbedStage:
    """Returns what `embed` reads.

    Raises:
        UserError: the network does not suit the dataset.
    """
    settings = job.settings
    method, _ = method_of(job.known_method(), settings)
    chosen = _suited(settings, method)
    return EmbedStage(
        network=chosen.network,
        model=settings.method_model(method).model_dump(mode="json"),
        keypoints=_keypoints(settings, method),
        noise=chosen.noise,
        subjects=tuple(test_subjects(settings)),
        train_subjects=None
        if settings.networks_from or chosen.weights
        else tuple(train_subjects(settings)),
    )


def evaluate(job: Job) -> EvaluateStage:
    """Returns what `evaluate` reads."""
    settings = job.settings
    method, seed = method_of(job.known_method(), settings)
    return EvaluateStage(
        dataset=settings.dataset,
        method=method,
        seed=seed,
        protocol=settings.protocol,
        evaluate=settings.evaluate,
        trained_on=origin.trained_on(settings, method),
        synthetic=settings.rendered,
        note=origin.note(settings),
        unpublished=origin.unpublished(settings, method),
        subjects=tuple(test_subjects(settings)),
    )


def compare(job: Job) -> CompareStage:
    """Returns what `compare` reads."""
    settings = job.settings
    return CompareStage(
        dataset=settings.dataset,
        table=str(job.table),
        layout=settings.source.layout,
        same_view=settings.protocol.same_view,
        # Snakemake does not notice another order of the same inputs.
        methods=settings.rows(str(job.table)),
    )


def report(job: Job) -> ReportStage:
    """Returns what `report` reads."""
    settings = job.settings
    return ReportStage(
        dataset=settings.dataset,
        layout=settings.source.layout,
        synthetic=settings.rendered,
        note=origin.note(settings),
        protocol=settings.protocol,
        distance=settings.evaluate.distance,
        held_out=tuple(held_out(settings)),
        test_subjects=tuple(test_subjects(settings)),
        keypoints_from=settings.keypoints_from,
        rendered_student=origin.rendered_student(job),
        changed=changed(settings),
    )


def _suited(settings: Settings, method: str) -> Method:
    """Returns a method that the dataset can train and test.

    Raises:
        UserError: it cannot.
    """
    if fault := settings.fault(method):
        raise UserError(fault)
    return settings.method(method)


def _keypoints(settings: Settings, method: str) -> str:
    """Returns which of the cache's keypoints a method takes: `predicted`, `truth` or `none`."""
    none = settings.keypoints_from == "none"
    return "none" if none else settings.method(method).keypoints


def keypoint_places(settings: Settings) -> tuple[Path, ...]:
    """Returns the user's files and folders of keypoints, or of labels."""
    if settings.keypoints_from == "own":
        return ()
    return settings.source.keypoints or settings.pose.labels


def longest_clip(settings: Settings) -> int:
    """Returns the frames of the longest training clip of all methods; 0 if none is trained here."""
    return max((train.frames for train in _trainings(settings).values()), default=0)


def _largest_batch(settings: Settings) -> dict[str, int]:
    """Returns the first method with the most subjects in a training batch, and their number.

    The others are left out, so that a new row of the table does not check the data again.
    """
    sizes = {name: train.subjects_per_batch for name, train in _trainings(settings).items()}
    return dict([max(sizes.items(), key=lambda item: item[1])]) if sizes else {}


def _trainings(settings: Settings) -> dict[str, Train]:
    """Returns how each of the dataset's methods is trained, of those that are trained on it."""
    if settings.networks_from:
        return {}
    trained = [name for name, method in settings.methods.items() if method.learns]
    return {name: settings.method_train(name) for name in trained}


def _shard_subjects(job: Job) -> tuple[str, ...]:
    return tuple(job.shards[job.known_shard()])


def _rendering(settings: Settings, *, training: bool = False) -> Walkers:
    """Returns how training or other subjects are rendered, whatever their number."""
    walkers = settings.walkers.model_dump() | {"subjects": 1, "training_sequences": None}
    walks = settings.walkers.training_sequences
    if training and walks:
        walkers |= dict(zip(("normal", "bag", "coat"), walks, strict=True))
    return Walkers.model_validate(walkers)
