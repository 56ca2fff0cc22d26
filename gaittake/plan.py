"""Which subjects, which shards, and which settings each job of the pipeline gets."""

from gaittake.errors import UserError
from gaittake.protocol import expand
from gaittake.settings import Section, Settings
from gaittake.sources.walkers.recorded import recorded_subjects
from gaittake.stages import (
    CacheStage,
    EmbedStage,
    EvaluateStage,
    FinetuneStage,
    IndexStage,
    PredictStage,
    PseudoLabelStage,
    QualityStage,
    RenderStage,
    TeacherStage,
    TrainStage,
)


def train_subjects(settings: Settings) -> list[str]:
    """Returns the subjects that everything is learnt from."""
    return expand(settings.protocol.train_subjects)


def test_subjects(settings: Settings) -> list[str]:
    """Returns the subjects that are evaluated, and never learnt from.

    Raises:
        UserError: a subject is in both lists, or recorded walks are asked for and none are named.
    """
    if settings.protocol.test_subjects == ("recorded",):
        if settings.walkers.recorded is None:
            raise UserError(
                "protocol.test_subjects: 'recorded' needs walkers.recorded, the .npz of the walks"
            )
        try:
            tested = recorded_subjects(settings.walkers.recorded)
        except (ValueError, OSError) as error:
            raise UserError(str(error)) from error
    else:
        tested = expand(settings.protocol.test_subjects)
    both = sorted(set(tested) & set(train_subjects(settings)))
    if both:
        raise UserError(
            f"protocol: {both[:5]} train and test; remove them from one of the two lists"
        )
    return tested


def held_out(settings: Settings) -> list[str]:
    """Returns the training subjects that fine-tuning leaves out, to measure itself on."""
    return train_subjects(settings)[settings.pose.holdout_every - 1 :: settings.pose.holdout_every]


def shards(settings: Settings) -> dict[str, list[str]]:
    """Returns the subjects of each shard: `train-000`, …, then `test-000`, ….

    A subject appended to a list changes the last shard of this list, or makes a new one.
    """
    size = settings.shard_subjects
    named = {"train": train_subjects(settings), "test": test_subjects(settings)}
    return {
        f"{part}-{first // size:03d}": subjects[first : first + size]
        for part, subjects in named.items()
        for first in range(0, len(subjects), size)
    }


def rendering(settings: Settings) -> dict[str, object]:
    """Returns how people are rendered, without how many there are."""
    walkers = settings.walkers.model_dump()
    return walkers | {"subjects": 1}


def stage_settings(
    settings: Settings, stage: str, *, shard: str | None = None, method: str | None = None
) -> Section:
    """Returns what a stage reads of the settings.

    Args:
        stage: the stage's name, as `gaittake` calls it.
        shard: for stages that run by shard.
        method: for stages that run by method.
    """
    subjects = tuple(shards(settings)[shard]) if shard else ()
    pose = settings.pose
    match stage:
        case "render":
            return RenderStage.model_validate(
                {"walkers": rendering(settings), "subjects": subjects}
            )
        case "index":
            return IndexStage(source=settings.source, subjects=subjects)
        case "teacher":
            return TeacherStage.model_validate(
                {
                    "seed": settings.seed,
                    "weights": pose.teacher_weights,
                    "people": pose.teacher_people,
                    "walkers": rendering(settings) | {"recorded": None},
                    "detector": pose.detector,
                    "training": pose.teacher,
                }
            )
        case "pseudo-label":
            return PseudoLabelStage(
                detector=pose.detector,
                pseudo_label=pose.pseudo_label,
                batch=pose.batch,
                subjects=tuple(s for s in subjects if s in set(train_subjects(settings))),
            )
        case "finetune":
            left_out = set(held_out(settings))
            return FinetuneStage(
                seed=settings.seed,
                detector=pose.detector,
                training=pose.finetune,
                subjects=tuple(s for s in train_subjects(settings) if s not in left_out),
            )
        case "predict":
            return PredictStage(detector=pose.detector, boxes=pose.boxes, batch=pose.batch)
        case "quality":
            return QualityStage(
                held_out=tuple(held_out(settings)), test_subjects=tuple(test_subjects(settings))
            )
        case "cache":
            return CacheStage(align=settings.align)
    assert method is not None, stage
    match stage:
        case "train":
            return TrainStage(
                seed=settings.seed,
                network=settings.methods[method].network,
                model=settings.method_model(method),
                train=settings.method_train(method),
                subjects=tuple(train_subjects(settings)),
            )
        case "embed":
            return EmbedStage(
                network=settings.methods[method].network,
                model=settings.method_model(method),
                subjects=tuple(test_subjects(settings)),
            )
        case "evaluate":
            return EvaluateStage(
                dataset=settings.dataset,
                method=method,
                protocol=settings.protocol,
                evaluate=settings.evaluate,
                synthetic=settings.source.layout == "walkers",
                note=settings.note,
                subjects=tuple(test_subjects(settings)),
            )
    raise AssertionError(stage)
