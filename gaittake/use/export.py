"""A model file from what the pipeline made: weights, student, settings and measurements."""

import json
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError

from gaittake import __version__
from gaittake.errors import UserError
from gaittake.io.tables import read_json
from gaittake.io.weights import Weights, load_weights
from gaittake.models import build_network
from gaittake.pose.detector import load_detector
from gaittake.settings import Align, EmbedStage, EvaluateStage, PredictStage, canonical
from gaittake.use.calibration import Calibration, calibration_of
from gaittake.use.file import About, Content, Origin, State, digest_of, write_model
from gaittake.use.model import Model


def export_model(
    embed: EmbedStage,
    evaluate: EvaluateStage,
    predict: PredictStage,
    align: Align,
    *,
    weights: Path | None,
    student: Path,
    metrics: Path,
    out: Path,
) -> Model:
    """Writes a trained model as one file, whole or not at all, and returns it.

    Args:
        embed: the network, and whether its keypoints are predicted or exact.
        evaluate: dataset, method and distance.
        predict: how the student looks for keypoints.
        align: how silhouettes are aligned.
        weights: of the network; None for one that learns nothing.
        student: its weights; read where the network sees predicted keypoints.
        metrics: the method's `metrics.json`, which says what distances mean.
        out: the model file.

    Raises:
        UserError: a file is missing or damaged, or the metrics are not those of the weights.
    """
    loaded = None
    if weights is not None:
        loaded = load_weights(weights, network=embed.network, settings=embed.model)
    keypoints = keypoints_of(embed)
    asked = predict if keypoints == "student" else None
    found = read_json(metrics)
    parts, numbers = _embedding(embed, align)
    about = About(
        network=embed.network,
        model=embed.model,
        parts=parts,
        embedding=numbers,
        keypoints=keypoints,
        predict=asked,
        align=align,
        distance=evaluate.evaluate.distance,
        calibration=_calibration(found, metrics),
        same_view=evaluate.protocol.same_view,
        origin=_origin(found, metrics, evaluate, loaded),
    )
    network = {} if loaded is None else loaded.state
    located = None if asked is None else _state_of_student(student, asked)
    digest = digest_of(canonical(about), network, located)
    content = Content(__version__, about, network, located, digest)
    model = Model(content, out, torch.device("cpu"))
    write_model(content, out)
    return model


def keypoints_of(embed: EmbedStage) -> Literal["none", "student", "truth"]:
    """Returns what the network sees: `none`, the `student`'s keypoints, or `truth` ones."""
    sees = ("keypoints", "skeleton_maps")
    if embed.network != "gaittake" or not any(embed.model.get(name) for name in sees):
        return "none"
    return "student" if embed.keypoints == "predicted" else "truth"


def _embedding(embed: EmbedStage, align: Align) -> tuple[int, int]:
    """Returns parts and numbers of an embedding, from one that is thrown away."""
    rows, columns = align.height, align.width
    network = build_network(embed.network, height=rows, width=columns, **embed.model).eval()
    with torch.inference_mode():
        made = network(torch.zeros(1, 8, rows, columns), torch.zeros(1, 8, 17, 3), None)
    return int(made.shape[1]), int(made.shape[2])


def _calibration(metrics: dict[str, Any], path: Path) -> Calibration:
    found = metrics.get("verification")
    if not found:
        raise UserError(
            f"{path}: 'verification' is needed, which says what distances mean, and there is none; "
            "evaluate again, with test people of at least two walks each"
        )
    try:
        return calibration_of(found)
    except (KeyError, ValidationError) as error:
        raise UserError(
            f"{path}: 'verification' lacks {' '.join(str(error).split())[:120]}; evaluate again"
        ) from error


def _origin(
    metrics: dict[str, Any], path: Path, evaluate: EvaluateStage, loaded: Weights | None
) -> Origin:
    made_by = {} if loaded is None else loaded.made_by
    measured = metrics.get("provenance", {})
    training, data = (made_by.get(name, "none") for name in ("settings", "data_digest"))
    if (measured.get("training"), measured.get("training_data")) != (training, data):
        raise UserError(
            f"{path}: measured with another training than that of these weights; embed and "
            f"evaluate '{evaluate.method}' again"
        )
    subjects = 0 if loaded is None else len(json.loads(training)["subjects"])
    return Origin(
        dataset=evaluate.dataset,
        trained_on=evaluate.trained_on or evaluate.dataset,
        method=evaluate.method,
        synthetic=evaluate.synthetic,
        note=evaluate.note,
        training_subjects=subjects,
        training=training,
        data_digest=str(measured.get("data_digest")),
    )


def _state_of_student(path: Path, settings: PredictStage) -> State:
    return dict(load_detector(path, settings.detector).state_dict())
