"""Export of a trained method as a model file: weights, student, settings, calibration."""

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
from gaittake.settings import (
    Align,
    EmbedStage,
    EvaluateStage,
    PredictStage,
    uses_keypoints,
)
from gaittake.use.about import About, Origin
from gaittake.use.calibration import Calibration, calibration_of
from gaittake.use.model_file import (
    Content,
    Header,
    State,
    is_model_file,
    read_header,
    write_model,
)
from gaittake.use.run_torch import torch_networks


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
    trained_synthetic: bool | None,
    trained_fps: float | None,
) -> Header:
    """Writes a model file atomically, and returns what it says of the model.

    Args:
        embed: the network, and whether its keypoints are `predicted`, `truth` or `given`.
        evaluate: dataset, method and distance.
        predict: settings of keypoint prediction.
        align: settings of silhouette alignment.
        weights: weights of the network; None for a network without weights.
        student: weights of the student; read only if the network takes predicted keypoints.
        metrics: the method's `metrics.json`, source of the calibration.
        out: the model file to write.
        trained_synthetic: whether the people of the training are rendered; None: unknown.
        trained_fps: frames per second of the training's recordings; None: unknown.

    Raises:
        UserError: a file is missing or damaged, or the metrics were measured with other weights.
    """
    for path in filter(None, (weights, student, metrics)):
        if is_model_file(path):
            raise UserError(
                f"{path}: a model file; --weights, --student and --metrics require the pipeline's "
                "weights.safetensors, student.pt and metrics.json"
            )
    loaded = None
    if weights is not None:
        loaded = load_weights(weights, network=embed.network, settings=embed.model)
    keypoints = keypoints_of(embed)
    prediction = predict if keypoints == "student" else None
    found = read_json(metrics)
    parts, numbers = _embedding(embed, align)
    about = About(
        network=embed.network,
        model=embed.model,
        parts=parts,
        embedding=numbers,
        keypoints=keypoints,
        predict=prediction,
        align=align,
        distance=evaluate.evaluate.distance,
        calibration=_calibration(found, metrics),
        same_view=evaluate.protocol.same_view,
        origin=_origin(found, metrics, evaluate, loaded, trained_synthetic, trained_fps),
    )
    network = {} if loaded is None else loaded.state
    state = None if prediction is None else _student_state(student, prediction)
    content = Content(Header(__version__, about, digest=""), network, state)
    torch_networks(content, out, torch.device("cpu"))  # the weights fit, or this raises an error
    write_model(about, network, state, out, package=__version__)
    return read_header(out)


def keypoints_of(embed: EmbedStage) -> Literal["none", "student", "truth", "given"]:
    """Returns the keypoints the network takes, see `About`."""
    if not uses_keypoints(embed.model):
        return "none"
    if embed.keypoints == "predicted":
        return "student"
    return "given" if embed.keypoints == "given" else "truth"


def _embedding(embed: EmbedStage, align: Align) -> tuple[int, int]:
    """Returns p and d of the network's embeddings, from a forward pass on zeros."""
    rows, columns = align.height, align.width
    network = build_network(embed.network, height=rows, width=columns, **embed.model).eval()
    with torch.inference_mode():
        made = network(torch.zeros(1, 8, rows, columns), torch.zeros(1, 8, 17, 3), None)
    return int(made.shape[1]), int(made.shape[2])


def _calibration(metrics: dict[str, Any], path: Path) -> Calibration:
    found = metrics.get("verification")
    if not found:
        raise UserError(
            f"{path}: no 'verification', which calibrates the distances; run `gaittake evaluate` "
            "again, with at least two sequences of each test subject"
        )
    try:
        return calibration_of(found)
    except (KeyError, ValidationError) as error:
        raise UserError(
            f"{path}: 'verification' is incomplete ({' '.join(str(error).split())[:120]}); run "
            "`gaittake evaluate` again"
        ) from error


def _origin(
    metrics: dict[str, Any],
    path: Path,
    evaluate: EvaluateStage,
    loaded: Weights | None,
    trained_synthetic: bool | None,
    trained_fps: float | None,
) -> Origin:
    made_by = {} if loaded is None else loaded.made_by
    measured = metrics.get("provenance", {})
    training, data = (made_by.get(name, "none") for name in ("settings", "data_digest"))
    if (measured.get("training"), measured.get("training_data")) != (training, data):
        raise UserError(
            f"{path}: measured with other weights than these; run `gaittake embed` and `gaittake "
            f"evaluate` again for method '{evaluate.method}'"
        )
    subjects = 0 if loaded is None else len(json.loads(training)["subjects"])
    return Origin(
        dataset=evaluate.dataset,
        trained_on=evaluate.trained_on or evaluate.dataset,
        method=evaluate.method,
        synthetic=evaluate.synthetic,
        trained_synthetic=None if loaded is None else trained_synthetic,
        trained_fps=trained_fps,
        note=evaluate.note,
        training_subjects=subjects,
        training=training,
        data_digest=str(measured.get("data_digest")),
    )


def _student_state(path: Path, settings: PredictStage) -> State:
    found = load_detector(path, settings.detector, to_find_people=settings.finds_people)
    return dict(found.state_dict())
