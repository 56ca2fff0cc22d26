"""What runs: the trainings of a method, and what each stage reads of the settings.

A function per stage makes its record, which the rule passes to the command as JSON.
"""

from pathlib import Path
from typing import Any

from gaittake.errors import UserError
from gaittake.pipeline.job import Job
from gaittake.pipeline.subjects import held_out, test_subjects, train_subjects
from gaittake.settings import (
    OWN_STUDENT,
    SECTIONS,
    SIZES,
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
    Pose,
    PredictStage,
    PseudoLabelStage,
    QualityStage,
    RenderStage,
    ReportStage,
    SegmentStage,
    Settings,
    Size,
    SurveyStage,
    TeacherStage,
    Train,
    TrainStage,
    Walkers,
    changed,
)
from gaittake.settings.methods import KNOWN
from gaittake.settings.training import published

# The size of the networks in the published results on a layout.
PUBLISHED: dict[str, Size] = {"casiab": "casiab", "oumvlp": "oumvlp"}
POSE_SECTIONS = ("detector", "pseudo_label")
# Settings that do not change a result, and one on which the paper has nothing.
NOT_PUBLISHED = ("log_every", "checkpoint_every", "precision", "pose.finetune.mirror")


def runs(settings: Settings, method: str) -> list[str]:
    """Returns the names of a method's trainings, one for each seed: `gaittake`, `gaittake-seed1`.

    The first seed's is the method's own name. A method that trains nothing has one.
    """
    seeds = settings.seeds if settings.method(method).learns else settings.seeds[:1]
    return [method, *(f"{method}-seed{seed}" for seed in seeds[1:])]


def method_of(run: str, settings: Settings) -> tuple[str, int]:
    """Returns method and seed of a run's name.

    Raises:
        UserError: the settings have no such seed.
    """
    method, _, seed = run.partition("-seed")
    if not seed:
        return method, settings.seeds[0]
    if not seed.isdecimal() or int(seed) not in settings.seeds[1:]:
        raise UserError(f"{run}: there is no seed {seed}; seeds has {list(settings.seeds)}")
    return method, int(seed)


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
    own = settings.networks_from is None
    return CheckStage(
        dataset=settings.dataset,
        protocol=settings.protocol,
        train_subjects=tuple(train_subjects(settings)),
        test_subjects=tuple(test_subjects(settings)),
        trains=own and any(method.learns for method in settings.methods.values()),
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
    """Returns what `teacher` reads."""
    settings, pose = job.settings, job.settings.pose
    return TeacherStage(
        seed=settings.seed,
        weights=pose.teacher_weights,
        people=pose.teacher_people,
        walkers=_rendering(settings).model_copy(
            update={"recorded": None, "recorded_halves": False}
        ),
        detector=pose.detector,
        boxes=pose.boxes,
        training=pose.teacher,
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
            the dataset has no keypoints for this network.
    """
    settings = job.settings
    method, seed = method_of(job.known_method(), settings)
    if settings.networks_from:
        raise UserError(
            f"networks_from: {settings.dataset}'s networks are trained on another dataset: "
            f"gaittake train {settings.networks_from} --method {method}"
        )
    chosen = settings.method(method)
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
        UserError: the dataset has no keypoints for this network.
    """
    settings = job.settings
    method, _ = method_of(job.known_method(), settings)
    chosen = settings.method(method)
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
        trained_on=_trained_on(settings, method),
        synthetic=settings.rendered,
        note=note(settings),
        unpublished=unpublished(settings, method),
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
    )


def report(job: Job) -> ReportStage:
    """Returns what `report` reads."""
    settings = job.settings
    return ReportStage(
        dataset=settings.dataset,
        layout=settings.source.layout,
        synthetic=settings.rendered,
        note=note(settings),
        protocol=settings.protocol,
        distance=settings.evaluate.distance,
        held_out=tuple(held_out(settings)),
        test_subjects=tuple(test_subjects(settings)),
        keypoints_from=settings.keypoints_from,
        rendered_student=rendered_student(job),
        changed=changed(settings),
    )


def rendered_student(job: Job) -> str:
    """Returns the rendered people from whom a filmed dataset's student learnt; '' if from none."""
    settings = job.settings
    if settings.rendered or settings.keypoints_from not in ("borrowed", *OWN_STUDENT):
        return ""
    lender = settings.student_lender
    taught = Job(lender, results=job.results).settings if lender else settings
    if taught.rendered:
        return str(lender)
    teacher = taught.keypoints_from == "teacher" and taught.pose.teacher_weights == "walkers"
    return "the labels of a teacher trained on rendered people" if teacher else ""


def trained_on_rendered(job: Job) -> bool | None:
    """Returns whether a method's network learnt from rendered people; None: it is not known."""
    settings = job.settings
    method, _ = method_of(job.known_method(), settings)
    if settings.method(method).weights:
        return None
    lent = settings.networks_from
    return (Job(lent, results=job.results).settings if lent else settings).rendered


def note(settings: Settings) -> str:
    """Returns what stands beside every table of the dataset."""
    lent = settings.networks_from
    given = ", ".join(name for name, method in settings.methods.items() if method.weights)
    trained = [
        f"Trained on {lent}." if lent else "",
        f"Weights of a file, not trained here: {given}." if given else "",
    ]
    return " ".join(filter(None, [*trained, settings.note.strip()]))


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
    if own_student(settings) and chosen.network == "gaittake":
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


def _trained_on(settings: Settings, method: str) -> str | None:
    """Returns the file of a method's weights, or the lending dataset; None: trained here."""
    weights = settings.method(method).weights
    return settings.networks_from if weights is None else str(weights)


def _keypoints(settings: Settings, method: str) -> str:
    """Returns which of the cache's keypoints a method takes: `predicted`, `truth` or `none`."""
    if lack := settings.lacks_keypoints(method):
        raise UserError(lack)
    none = settings.keypoints_from == "none"
    return "none" if none else settings.method(method).keypoints


def _plain(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def keypoint_places(settings: Settings) -> tuple[Path, ...]:
    """Returns the user's files and folders of keypoints, or of labels."""
    if settings.keypoints_from == "own":
        return ()
    return settings.source.keypoints or settings.pose.labels


def own_student(settings: Settings) -> bool:
    """Returns whether the dataset's keypoints come from a student that is trained here."""
    return settings.keypoints_from in OWN_STUDENT


def longest_clip(settings: Settings) -> int:
    """Returns the frames of the longest training clip of all methods; 0 if none is trained here."""
    if settings.networks_from:
        return 0
    trained = [name for name, method in settings.methods.items() if method.learns]
    return max((settings.method_train(name).frames for name in trained), default=0)


def _shard_subjects(job: Job) -> tuple[str, ...]:
    return tuple(job.shards[job.known_shard()])


def _rendering(settings: Settings, *, training: bool = False) -> Walkers:
    """Returns how training or other subjects are rendered, whatever their number."""
    walkers = settings.walkers.model_dump() | {"subjects": 1, "training_sequences": None}
    walks = settings.walkers.training_sequences
    if training and walks:
        walkers |= dict(zip(("normal", "bag", "coat"), walks, strict=True))
    return Walkers.model_validate(walkers)
