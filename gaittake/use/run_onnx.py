"""The networks of an ONNX file, computed by ONNX Runtime on the CPU, without PyTorch."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.pose.crop import crop_size, crop_to_box
from gaittake.sequence import Reject
from gaittake.silhouette import box
from gaittake.use.locate import Locate, Shown
from gaittake.use.model_file import EXPORT, Header, read_header, read_onnx, student_file
from gaittake.use.network_input import NetworkInput
from gaittake.use.networks import Embedding, Networks

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Shorter sequences are padded to this length, with the number of their real frames: an exported
# network takes no fewer frames than its convolutions over time, and no fewer than one clip.
LEAST_FRAMES = 32


def onnx_networks(header: Header, network: bytes, path: Path) -> Networks:
    """Returns the networks of an ONNX file and of the student's file beside it.

    Args:
        header: what the file says of its model.
        network: the file's content.
        path: of the file.

    Raises:
        UserError: this ONNX Runtime cannot run them, or the student's file is missing, damaged or
            of another model.
    """
    session = open_session(network, path)

    def embed(found: NetworkInput) -> Embedding:
        return embedding(session, found)

    predict = header.about.predict
    if predict is None:
        return Networks(embed, None)
    place = student_file(path)
    if (of := read_header(place).digest) != header.digest:
        raise UserError(
            f"{place}: the student of model {of}, but {path} is model {header.digest}; export both "
            f"again with `{EXPORT} --format onnx`"
        )
    pose = open_session(read_onnx(place)[1], place)
    size = crop_size(predict.detector)

    def locate(masks: list[Shown]) -> Float32s:
        boxes = [figure for shown in masks if (figure := box(shown.image)) is not None]
        crops = [
            crop_to_box(shown.image, figure, size, smooth=False)
            for shown, figure in zip(masks, boxes, strict=True)  # all masks show a figure
        ]
        within = [crop.box_to_crop(figure) for crop, figure in zip(crops, boxes, strict=True)]
        candidates = located(pose, np.stack([crop.image for crop in crops]), np.stack(within))
        for crop, rows in zip(crops, candidates, strict=True):
            rows[..., :2] = crop.to_frame(rows[..., :2])
        return candidates if predict.follow else candidates[:, :, 0]

    def student(rejects: list[Reject]) -> Locate:
        return locate

    return Networks(embed, student)


def embedding(session: "InferenceSession", found: NetworkInput) -> Embedding:
    """Returns the embedding `[p, d]` of a sequence."""
    frames = len(found.silhouettes)
    padding = max(0, LEAST_FRAMES - frames)
    (rows,) = _run(
        session,
        silhouettes=_padded(found.silhouettes, padding)[None],
        keypoints=_padded(found.keypoints, padding)[None],
        counts=np.array([frames]),
    )
    return np.asarray(rows, dtype=np.float32)


def located(session: "InferenceSession", images: Any, boxes: Float32s) -> Float32s:
    """Returns the candidates `[n, 17, 3, 3]` of a student's keypoints.

    Args:
        session: of the student.
        images: `[n, rows, columns]` uint8, 0 or 255.
        boxes: `[n, 4]` x1, y1, x2, y2 in pixels of the images.
    """
    return _run(session, images=images, boxes=boxes).copy()


def open_session(network: bytes, path: Path) -> "InferenceSession":
    """Returns a network ready to run; OMP_NUM_THREADS limits its threads.

    Raises:
        UserError: this ONNX Runtime cannot run it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # "4,2": of nested regions
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0  # 0: all cores
    options.log_severity_level = 3  # errors, which are raised as well
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no other common class
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} cannot run it ({reason}). Install a "
            f"newer one, or export the model again with `{EXPORT} --format onnx`."
        ) from error


def _run(session: "InferenceSession", **arrays: Any) -> Float32s:
    """Returns the output of a network; a network without keypoints may lack this input."""
    names = {item.name for item in session.get_inputs()}
    (found,) = session.run(None, {name: arrays[name] for name in names})
    return np.asarray(found, dtype=np.float32)


def _padded(rows: Any, frames: int) -> Any:
    return np.pad(rows, [(0, frames)] + [(0, 0)] * (rows.ndim - 1))
