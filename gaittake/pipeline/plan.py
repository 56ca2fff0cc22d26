"""Which runs, and which settings each job of the pipeline gets."""

from gaittake.errors import UserError
from gaittake.pipeline.subjects import held_out, shards, test_subjects, train_subjects
from gaittake.protocol import expand
from gaittake.settings import (
    CacheStage,
    CompareStage,
    EmbedStage,
    EvaluateStage,
    FinetuneStage,
    IndexStage,
    PredictStage,
    PseudoLabelStage,
    QualityStage,
    RenderStage,
    ReportStage,
    Section,
    Settings,
    SurveyStage,
    TeacherStage,
    TrainStage,
    changed,
)


def note(settings: Settings) -> str:
    """Returns what stands beside every table of the dataset."""
    lent = settings.networks_from
    return " ".join(filter(None, [f"Trained on {lent}." if lent else "", settings.note.strip()]))


def rendering(settings: Settings, *, training: bool = False) -> dict[str, object]:
    """Returns how people are rendered, training or other ones, without how many there are."""
    walkers = settings.walkers.model_dump() | {"subjects": 1, "training_walks": None}
    walks = settings.walkers.training_walks
    if training and walks:
        walkers |= dict(zip(("normal", "bag", "coat"), walks, strict=True))
    return walkers


def longest_clip(settings: Settings) -> int:
    """Returns the frames of the longest training clip of all methods; 0 where none learns here."""
    if settings.networks_from:
        return 0
    learning = [name for name, method in settings.methods.items() if method.network != "gei"]
    return max((settings.method_train(name).frames for name in learning), default=0)


def runs(settings: Settings, method: str) -> list[str]:
    """Returns the names of a method's trainings, one for each seed: `gaittake`, `gaittake-seed1`.

    The first seed's is the method's own name. A method that learns nothing has one.
    """
    seeds = settings.seeds[:1] if settings.method(method).network == "gei" else settings.seeds
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


def stage_settings(
    settings: Settings,
    stage: str,
    *,
    shard: str | None = None,
    method: str | None = None,
    table: str | None = None,
) -> Section:
    """Returns what a stage reads of the settings.

    Args:
        stage: the stage's name, as `gaittake` calls it.
        shard: for stages that run by shard.
        method: for stages that run by method: one of `runs`.
        table: for `compare`.
    """
    subjects = tuple(shards(settings)[shard]) if shard else ()
    pose = settings.pose
    match stage:
        case "render":
            walkers = rendering(settings, training=str(shard).startswith("train"))
            return RenderStage.model_validate({"walkers": walkers, "subjects": subjects})
        case "index":
            return IndexStage(source=settings.source, subjects=subjects)
        case "survey":
            return SurveyStage(
                source=settings.source,
                protocol=settings.protocol,
                frames=longest_clip(settings),
            )
        case "teacher":
            return TeacherStage.model_validate(
                {
                    "seed": settings.seed,
                    "weights": pose.teacher_weights,
                    "people": pose.teacher_people,
                    "walkers": rendering(settings) | {"recorded": None},
                    "detector": pose.detector,
                    "boxes": pose.boxes,
                    "training": pose.teacher,
                }
            )
        case "pseudo-label":
            return PseudoLabelStage(
                detector=pose.detector,
                boxes=pose.boxes,
                pseudo_label=pose.pseudo_label,
                batch=pose.batch,
                subjects=tuple(s for s in subjects if s in set(train_subjects(settings))),
            )
        case "finetune":
            left_out = set(held_out(settings))
            return FinetuneStage(
                seed=settings.seed,
                detector=pose.detector,
                boxes=pose.boxes,
                training=pose.finetune,
                subjects=tuple(s for s in train_subjects(settings) if s not in left_out),
            )
        case "predict":
            known = pose.boxes == "detected" and not pose.proposals
            return PredictStage(
                detector=pose.detector,
                boxes="known" if known else pose.boxes,
                precision=pose.precision,
                batch=pose.batch,
            )
        case "quality":
            return QualityStage(
                held_out=tuple(held_out(settings)), test_subjects=tuple(test_subjects(settings))
            )
        case "cache":
            return CacheStage(align=settings.align)
        case "compare":
            assert table is not None
            return CompareStage(
                dataset=settings.dataset,
                table=table,
                layout=settings.source.layout,
                same_view=settings.protocol.same_view,
            )
        case "report":
            return ReportStage(
                dataset=settings.dataset,
                layout=settings.source.layout,
                synthetic=settings.source.layout == "walkers",
                note=note(settings),
                gallery=tuple(expand(settings.protocol.gallery)),
                distance=settings.evaluate.distance,
                same_view=settings.protocol.same_view,
                held_out=tuple(held_out(settings)),
                test_subjects=tuple(test_subjects(settings)),
                changed=changed(settings),
            )
    assert method is not None, stage
    method, seed = method_of(method, settings)
    chosen = settings.method(method)
    match stage:
        case "train":
            if settings.networks_from:
                raise UserError(
                    f"networks_from: {settings.dataset}'s networks are trained on another dataset: "
                    f"gaittake train {settings.networks_from} --method {method}"
                )
            return TrainStage(
                seed=seed,
                network=chosen.network,
                model=settings.method_model(method).model_dump(mode="json"),
                train=settings.method_train(method),
                keypoints=chosen.keypoints,
                noise=chosen.noise,
                subjects=tuple(train_subjects(settings)),
            )
        case "embed":
            return EmbedStage(
                network=chosen.network,
                model=settings.method_model(method).model_dump(mode="json"),
                keypoints=chosen.keypoints,
                noise=chosen.noise,
                subjects=tuple(test_subjects(settings)),
            )
        case "evaluate":
            return EvaluateStage(
                dataset=settings.dataset,
                method=method,
                seed=seed,
                protocol=settings.protocol,
                evaluate=settings.evaluate,
                trained_on=settings.networks_from,
                synthetic=settings.source.layout == "walkers",
                note=note(settings),
                subjects=tuple(test_subjects(settings)),
            )
    raise AssertionError(stage)
