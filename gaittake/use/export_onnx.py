"""Export of a model file for ONNX Runtime: the recognition network, and the student beside it."""

import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.onnx_file import save_onnx
from gaittake.pose.crop import crop_size
from gaittake.pose.detector import build_detector, load_state
from gaittake.pose.fast import for_prediction
from gaittake.pose.heatmaps import read_heatmaps
from gaittake.pose.locate import locate_in_boxes
from gaittake.pose.small import BoxFeatures
from gaittake.pose.vision import KeypointRCNN
from gaittake.settings import Align, PredictStage
from gaittake.use.model_file import Content, Header, header_texts, is_onnx, read_model, student_file
from gaittake.use.network_input import MAX_FRAMES, NetworkInput
from gaittake.use.run_onnx import LEAST_FRAMES, embedding, located, open_session
from gaittake.use.run_torch import network_of

TOLERANCE = 1e-4  # of numbers of an embedding, and of keypoints relative to the image
LENGTHS = (5, LEAST_FRAMES, 75)  # frames of the sequences that compare both runtimes
BATCHES = (1, 16)  # images
OPSET = 18


def export_onnx(source: Path, out: Path) -> Header:
    """Writes a model file as an ONNX file, its student as a second one, and returns the header.

    Both are first compared with PyTorch, at three lengths of a sequence.

    Args:
        source: the model file, .safetensors.
        out: the ONNX file to write; see `student_file` for the student's.

    Raises:
        UserError: the extra `onnx` is missing, `source` is no such file, a network cannot be
            exported, or the results differ by more than `TOLERANCE`.
    """
    if not is_onnx(out):
        raise UserError(f"--out {out}: the name of an ONNX file must end with .onnx")
    if is_onnx(source):
        raise UserError(f"{source}: an ONNX file already; a .safetensors file is required")
    _require_exporter()
    content = read_model(source)
    header, predict = content.header, content.header.about.predict
    made = {}
    if predict is not None:
        made[student_file(out)] = _student(content, predict, source)
    made[out] = _network(content, source)
    for path, network in made.items():
        save_onnx(network, header_texts(header), path)
    return header


def _require_exporter() -> None:
    for name in ("onnx", "onnxscript"):  # torch.onnx requires them
        if find_spec(name) is None:
            raise UserError(f"--format onnx requires {name}: pip install 'gaittake[onnx]'")


class _Padded(nn.Module):
    """A recognition network on stored silhouettes, with the number of frames before padding."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor) -> Tensor:
        """Returns `[1, p, d]` of `[1, s, h, w]` uint8, `[1, s, 17, 3]` and `[1]`."""
        embeddings: Tensor = self.network(silhouettes.float() / 255, keypoints, counts)
        return embeddings


def _network(content: Content, path: Path) -> bytes:
    about = content.header.about
    network = network_of(content, path)
    example = _sequence(LEAST_FRAMES + 8, about.align)
    frames = torch.export.Dim("frames", min=LEAST_FRAMES, max=MAX_FRAMES)
    made = _exported(
        _Padded(network),
        {
            "silhouettes": torch.from_numpy(example.silhouettes)[None],
            "keypoints": torch.from_numpy(example.keypoints)[None],
            "counts": torch.tensor([LEAST_FRAMES + 8]),
        },
        {"silhouettes": {1: frames}, "keypoints": {1: frames}, "counts": None},
        f"{path}: the network '{about.network}'",
    )
    session = open_session(made, path)
    # The exporter fixes an axis, without a word, if an operation of the network requires it.
    if any(isinstance(item.shape[1], int) for item in session.get_inputs() if len(item.shape) > 1):
        raise UserError(
            f"{path}: the network '{about.network}' can be exported for one number of frames only; "
            "use the .safetensors file with PyTorch"
        )
    for length in LENGTHS:
        sequence = _sequence(length, about.align)
        with torch.inference_mode():
            silhouettes = torch.from_numpy(sequence.silhouettes)[None].float() / 255
            required = network(silhouettes, torch.from_numpy(sequence.keypoints)[None], None)[0]
        found = embedding(session, sequence)
        _require_equal(found, required, f"{path}: embeddings of {length} frames")
    return made


class _InBoxes(nn.Module):
    """A student that locates keypoints in the boxes of crops, without detection."""

    def __init__(self, student: KeypointRCNN) -> None:
        super().__init__()
        self.student = student

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Returns `[n, 17, 3, 3]` of `[n, rows, columns]` uint8 and `[n, 4]`."""
        heads = self.student.roi_heads
        pool = heads.keypoint_roi_pool
        grey = (images.float() / 255)[:, None].expand(-1, 3, -1, -1)
        # As `gaittake.pose.locate.prepare` does, whose list of sizes fixes the number of images.
        transform = self.student.transform
        step, (rows, columns) = transform.size_divisible, images.shape[1:]
        padded = pad(transform.normalize(grey), (0, -columns % step, 0, -rows % step))
        features = self.student.backbone(padded)
        level = features[pool.featmap_names[0]]
        pooled = pool.pooled(level, boxes * (level.shape[2] / padded.shape[2]))
        return read_heatmaps(heads.keypoint_predictor(heads.keypoint_head(pooled)), boxes)


def _student(content: Content, predict: PredictStage, path: Path) -> bytes:
    if predict.boxes != "silhouette" or content.student is None:
        raise UserError(
            f"{path}: its student searches whole frames (pose.boxes: detected), and only one that "
            "sees crops (pose.boxes: silhouette) can be exported for ONNX Runtime; use the "
            ".safetensors file with PyTorch"
        )
    loaded = build_detector(predict.detector)
    load_state(loaded, content.student, path)
    student = for_prediction(loaded, "float32")
    if not isinstance(student.roi_heads.keypoint_roi_pool, BoxFeatures):
        raise UserError(
            f"{path}: its student's backbone '{predict.detector.backbone}' chooses among feature "
            "levels, and only 'small' can be exported for ONNX Runtime; use the .safetensors file "
            "with PyTorch"
        )
    images, boxes = _crops(max(BATCHES), crop_size(predict.detector))
    expected = _torch_located(student, images, boxes)
    batch = torch.export.Dim("images", min=1, max=MAX_FRAMES)
    made = _exported(
        _InBoxes(student).eval(),
        {"images": torch.from_numpy(images), "boxes": torch.from_numpy(boxes)},
        {"images": {0: batch}, "boxes": {0: batch}},
        f"{path}: the student",
    )
    session = open_session(made, path)
    size = np.array([images.shape[2], images.shape[1], 1], dtype=np.float32)
    for count in BATCHES:
        found = located(session, images[:count], boxes[:count])
        required = expected[:count] / torch.from_numpy(size)
        _require_equal(found / size, required, f"{path}: the student's keypoints")
    return made


def _torch_located(student: KeypointRCNN, images: Any, boxes: Float32s) -> Tensor:
    grey = (torch.from_numpy(images).float() / 255)[:, None].expand(-1, 3, -1, -1)
    return locate_in_boxes(student, grey, torch.from_numpy(boxes), scale=1)


def _exported(
    network: nn.Module,
    inputs: Mapping[str, Tensor],
    shapes: Mapping[str, Any],
    name: str,
) -> bytes:
    """Returns a network as the content of an ONNX file.

    Args:
        network: in evaluation mode.
        inputs: examples, by name, in the order of `forward`.
        shapes: which of their axes have any length.
        name: of the network, for messages.
    """
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                network.eval(),
                tuple(inputs.values()),
                dynamo=True,
                input_names=list(inputs),
                output_names=["found"],
                dynamic_shapes=tuple(shapes.values()),
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors have no common class
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{name} cannot be exported for ONNX Runtime ({reason}); use the .safetensors file "
            "with PyTorch"
        ) from error
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what the exporter's libraries log and warn of: their own insides."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _require_equal(found: Float32s, required: Tensor, name: str) -> None:
    # Written so that a number that is not finite fails, too.
    difference = float(np.abs(found - required.cpu().numpy()).max())
    if not difference <= TOLERANCE:
        raise UserError(
            f"{name}: ONNX Runtime and PyTorch differ by {difference:.2g}, at most {TOLERANCE:g} "
            "is allowed; nothing was written. Use the .safetensors file with PyTorch."
        )


def _sequence(frames: int, align: Align) -> NetworkInput:
    """Returns a sequence of random blobs and keypoints."""
    random = np.random.default_rng(frames)
    coarse = random.random((frames, align.height // 4, align.width // 4)) < 0.5
    fine = np.kron(coarse, np.ones((1, 4, 4), dtype=bool))
    silhouettes = np.zeros((frames, align.height, align.width), dtype=np.uint8)
    silhouettes[:, : fine.shape[1], : fine.shape[2]] = np.where(fine, 255, 0)
    keypoints = random.random((frames, 17, 3), dtype=np.float32)
    return NetworkInput(silhouettes, keypoints, Counter(), 0)


def _crops(count: int, size: tuple[int, int]) -> tuple[Any, Float32s]:
    """Returns random images `[n, rows, columns]` uint8 and boxes `[n, 4]`."""
    random = np.random.default_rng(0)
    rows, columns = size
    coarse = random.random((count, -(-rows // 8), -(-columns // 8))) < 0.5
    images = np.kron(coarse, np.full((1, 8, 8), 255, dtype=np.uint8))[:, :rows, :columns]
    corners = random.uniform(0, 0.3, (count, 2)) * (columns, rows)
    ends = random.uniform(0.6, 1, (count, 2)) * (columns, rows)
    return images.astype(np.uint8), np.hstack([corners, ends]).astype(np.float32)
