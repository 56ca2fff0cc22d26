"""A trained model as one file: weights of network and student, settings, calibration, origin.

This is a torch file, loaded with `weights_only`: loading runs no code from it. A SHA-256 of the
content is stored in the file and identifies the model.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.torch_file import load_torch, save_torch
from gaittake.settings import Align, Count, PredictStage, Section, canonical, describe
from gaittake.use.calibration import Calibration

FORMAT = "gaittake model"
VERSION = 1
KEYS = {"format", "version", "package", "about", "network", "student", "digest"}
EXPORT = "gaittake model export"
FIX = f"Copy the file again, or export it again with `{EXPORT}`."
STRIDE_FRAMES = 25  # about one stride (two steps) at 25 frames per second
State = Mapping[str, Tensor]


class Origin(Section):
    """How a model was trained and measured."""

    dataset: str = Field(description="dataset of the measurement")
    trained_on: str = Field(description="dataset of the training")
    method: str = Field(description="method of the dataset")
    synthetic: bool = Field(description="whether the dataset's people are rendered")
    note: str = Field(description="note of the dataset, printed with every table")
    training_subjects: int = Field(ge=0, description="number of training subjects; 0: not trained")
    training: str = Field(description="settings of the training, JSON; `none`: not trained")
    data_digest: str = Field(description="digest of the cache used for the measurement")

    @property
    def training_frames(self) -> int:
        """Frames of a training clip; 0 for a network that is not trained, or not by gaittake."""
        training = {} if self.training == "none" else json.loads(self.training)
        return int(training.get("train", {}).get("frames", 0))

    @property
    def reliable_frames(self) -> int:
        """Frames that a sequence should have at least: a training clip, and a whole stride."""
        return max(STRIDE_FRAMES, self.training_frames)


class About(Section):
    """Everything in a model file except the weights."""

    network: str = Field(description="name of the network")
    model: dict[str, Any] = Field(description="arguments of the network")
    parts: Count = Field(description="parts of an embedding, p")
    embedding: Count = Field(description="numbers of each part, d")
    keypoints: Literal["none", "student", "truth", "given"] = Field(
        description="keypoints the network takes: none, the student's, a renderer's true ones, or "
        "those of another program, given by the user"
    )
    predict: PredictStage | None = Field(description="settings of keypoint prediction")
    align: Align = Field(description="settings of silhouette alignment")
    distance: Literal["parts", "flat"] = Field(description="distance between embeddings")
    calibration: Calibration
    same_view: bool = Field(description="whether the calibration includes pairs within one view")
    origin: Origin


class Content(NamedTuple):
    """Content of a model file.

    Attributes:
        package: version of gaittake that wrote it.
        about: everything except the weights.
        network: the network's state dict; empty for a network without weights.
        student: the student's state dict, or None for a model without a student.
        digest: SHA-256 of about, network and student, 16 hexadecimal digits.
    """

    package: str
    about: About
    network: State
    student: State | None
    digest: str


def digest_of(about: str, network: State, student: State | None) -> str:
    """Returns the SHA-256 of a model, 16 hexadecimal digits."""
    digest = hashlib.sha256(about.encode())
    for state in (network, student or {}):
        for name in sorted(state):
            value = state[name].detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def write_model(content: Content, path: Path) -> None:
    """Writes a model file atomically."""
    written = content._asdict() | {"about": canonical(content.about)}
    written |= {"format": FORMAT, "version": VERSION}
    save_torch(written, path)


def read_model(path: Path) -> Content:
    """Returns the content of a model file, tensors on the CPU.

    Raises:
        UserError: the file does not exist, cannot be read, is not a model file, is damaged or
            incomplete, or has another format version.
    """
    found = _read(path)
    if found.get("version") != VERSION:
        raise UserError(
            f"{path}: format version {found.get('version')!r}, written by gaittake "
            f"{found.get('package')}; this version of gaittake reads version {VERSION}. Use that "
            f"version of gaittake, or export the model again with `{EXPORT}`."
        )
    if set(found) != KEYS:
        raise UserError(
            f"{path}: not a complete model file; missing: {sorted(KEYS - set(found))}, unknown: "
            f"{sorted(set(found) - KEYS)}. {FIX}"
        )
    student = found["student"]
    if not _is_state(found["network"]) or not (student is None or _is_state(student)):
        raise UserError(f"{path}: network and student must be named weights. {FIX}")
    digest = digest_of(str(found["about"]), found["network"], student)
    if digest != found["digest"]:
        raise UserError(
            f"{path}: damaged; its digest is {digest}, expected {found['digest']}. {FIX}"
        )
    try:
        about = About.model_validate_json(str(found["about"]))
    except ValidationError as error:
        raise UserError(
            f"{path}: not readable by this version of gaittake: {describe(error)}. Use gaittake "
            f"{found['package']}, which wrote it, or export the model again with `{EXPORT}`."
        ) from error
    return Content(str(found["package"]), about, found["network"], student, digest)


def is_model_file(path: Path) -> bool:
    """Returns whether a file is a model file, of any version; does not load its weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return bool(names) and FORMAT.encode() in archive.read(names[0])
    except (OSError, zipfile.BadZipFile):
        return False


def unreadable(path: Path, error: OSError, *, required: str) -> UserError:
    """Returns the error for a file or folder that cannot be opened.

    Args:
        path: of the file.
        error: raised on opening it.
        required: what the path should be, for example `a video`.
    """
    reason = str(error.strerror or error).lower()
    match error:
        case FileNotFoundError() | IsADirectoryError() | NotADirectoryError():
            return UserError(f"{path}: {reason}; {required} is required.")
        case PermissionError():
            return UserError(
                f"{path}: no permission to read it; ask its owner for read permission, or use a "
                "copy that you can read."
            )
    return UserError(f"{path}: cannot be read ({reason}); check the path.")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = load_torch(path)
    except OSError as error:
        raise unreadable(path, error, required=f"a file written by `{EXPORT}`") from error
    except ValueError as error:
        raise UserError(
            f"{path}: not a model file, or a damaged one ({error}). A file written by `{EXPORT}` "
            f"is required; if this is one: {FIX[0].lower()}{FIX[1:]}"
        ) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        holds = sorted(map(str, found))[:5] if isinstance(found, dict) else type(found).__name__
        raise UserError(
            f"{path}: not a model file; it holds {holds}. A file written by `{EXPORT}` is required."
        )
    return found


def _is_state(found: object) -> bool:
    return isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )
