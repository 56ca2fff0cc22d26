"""A trained model as one file: weights of network and student, settings, calibration, origin.

The file is torch's, read with `weights_only`: no code in it is run. torch does not look at the
checksums in its files, so a SHA-256 over everything stands in it, and is the model's identity.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from gaittake.errors import UserError
from gaittake.io.torch_file import save_torch
from gaittake.settings import Align, Count, PredictStage, Section, canonical, describe
from gaittake.use.calibration import Calibration

FORMAT = "gaittake model"
VERSION = 1
KEYS = {"format", "version", "package", "about", "network", "student", "digest"}
REMEDY = "Make it anew: gaittake model export."
State = Mapping[str, Tensor]


class Origin(Section):
    """Where a model comes from."""

    dataset: str = Field(description="that it was measured on")
    trained_on: str = Field(description="dataset that trained it")
    method: str = Field(description="row of the dataset's table")
    synthetic: bool = Field(description="its people were rendered, not filmed")
    note: str = Field(description="what stands beside every table of the dataset")
    training_subjects: int = Field(ge=0, description="people that it was trained on; 0: nothing")
    training: str = Field(description="the training's settings, JSON")
    data_digest: str = Field(description="of the cache that it was measured on")


class About(Section):
    """Everything about a model but its weights."""

    network: str = Field(description="which network")
    model: dict[str, Any] = Field(description="what it is built from")
    parts: Count = Field(description="p of an embedding")
    embedding: Count = Field(description="d of an embedding")
    keypoints: Literal["none", "student", "truth"] = Field(
        description="what the network sees: none, the student's, or those of a renderer"
    )
    predict: PredictStage | None = Field(description="how the student looks for keypoints")
    align: Align = Field(description="silhouettes as the network takes them")
    distance: Literal["parts", "flat"] = Field(description="between embeddings")
    calibration: Calibration
    same_view: bool = Field(description="the calibration has pairs of walks in one view too")
    origin: Origin


class Content(NamedTuple):
    """What a model file holds.

    Attributes:
        package: version of gaittake that wrote it.
        about: everything but the weights.
        network: the network's state dict; empty for one that learns nothing.
        student: the student's state dict, or None without one.
        digest: SHA-256 of the others, 16 digits.
    """

    package: str
    about: About
    network: State
    student: State | None
    digest: str


def digest_of(about: str, network: State, student: State | None) -> str:
    """Returns the SHA-256 of a model, 16 digits."""
    digest = hashlib.sha256(about.encode())
    for state in (network, student or {}):
        for name in sorted(state):
            value = state[name].detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def write_model(content: Content, path: Path) -> None:
    """Writes a model, whole or not at all."""
    written = content._asdict() | {"about": canonical(content.about)}
    written |= {"format": FORMAT, "version": VERSION}
    save_torch(written, path)


def read_model(path: Path) -> Content:
    """Returns the content of a model file, on the CPU.

    Raises:
        UserError: no such file, not a model, of another format version, damaged or incomplete.
    """
    found = _read(path)
    if found.get("version") != VERSION:
        raise UserError(
            f"{path}: a model of format version {VERSION} is needed, this one has "
            f"{found.get('version')!r}, written by gaittake {found.get('package')}. Read it with "
            "that version, or make it anew: gaittake model export."
        )
    if set(found) != KEYS:
        raise UserError(
            f"{path}: a model with {', '.join(sorted(KEYS))} is needed; missing: "
            f"{sorted(KEYS - set(found))}, unknown: {sorted(set(found) - KEYS)}. {REMEDY}"
        )
    student = found["student"]
    if not _is_state(found["network"]) or not (student is None or _is_state(student)):
        raise UserError(f"{path}: network and student must be named weights. {REMEDY}")
    digest = digest_of(str(found["about"]), found["network"], student)
    if digest != found["digest"]:
        raise UserError(
            f"{path}: damaged, its digest is {digest}, {found['digest']} is needed. Copy it once "
            "more, or make it anew: gaittake model export."
        )
    try:
        about = About.model_validate_json(str(found["about"]))
    except ValidationError as error:
        raise UserError(
            f"{path}: not a model that this version of gaittake can use: {describe(error)}. It was "
            f"written by {found['package']}: use that one, or make the model anew: gaittake model "
            "export."
        ) from error
    return Content(str(found["package"]), about, found["network"], student, digest)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such model file; `gaittake model export` makes one.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a damaged or foreign file
        raise UserError(
            f"{path}: not a model file that can be read safely ({type(error).__name__}), or "
            f"damaged. {REMEDY}"
        ) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        holds = sorted(map(str, found))[:5] if isinstance(found, dict) else type(found).__name__
        raise UserError(f"{path}: not a file of `gaittake model export`, it holds {holds}.")
    return found


def _is_state(found: object) -> bool:
    return isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )
