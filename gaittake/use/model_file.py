"""A trained model as one safetensors file: weights of network and student, and what they are.

The header's metadata is named texts: the format and its version, the version of gaittake, `about`
(settings, calibration and origin in JSON), and the digest, which identifies the model.

Exported for ONNX Runtime, a model is one ONNX file with the same texts, and a second one for its
student beside it. It has the digest of the model that it computes, so that galleries fit both.

Reading what a model is imports no torch, which takes seconds.
"""

import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from gaittake.errors import UserError
from gaittake.io.onnx_file import load_onnx
from gaittake.io.tensor_file import is_of_format, load_tensors, read_metadata, save_tensors
from gaittake.settings import canonical, describe
from gaittake.use.about import About

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "gaittake model"
VERSION = "2"  # 1 was a file of torch.save
KEYS = {"format", "version", "package", "about", "digest"}
EXPORT = "gaittake model export"
FIX = f"Copy the file again, or export it again with `{EXPORT}`."
SHIPPED = Path(__file__).with_name("people.safetensors")
ONNX = ".onnx"  # ends the names of files for ONNX Runtime
DIGITS = 16  # of the digest that identifies a model
NETWORK, STUDENT = "network.", "student."  # begin the names of their tensors
State = Mapping[str, "Tensor"]


class Header(NamedTuple):
    """What a model file says of its model.

    Attributes:
        package: version of gaittake that wrote it.
        about: settings, calibration and origin.
        digest: first 16 digits of the SHA-256 of the file's content.
    """

    package: str
    about: About
    digest: str


class Content(NamedTuple):
    """Content of a model file.

    Attributes:
        header: what the file says of its model.
        network: the network's state dict; empty for a network without weights.
        student: the student's state dict, or None for a model without a student.
    """

    header: Header
    network: State
    student: State | None


def write_model(
    about: About, network: State, student: State | None, path: Path, *, package: str
) -> None:
    """Writes a model file atomically.

    Args:
        about: settings, calibration and origin.
        network: the network's state dict; empty for a network without weights.
        student: the student's state dict, or None for a model without a student.
        path: of the file.
        package: version of gaittake.
    """
    tensors = {NETWORK + name: value for name, value in network.items()}
    tensors |= {STUDENT + name: value for name, value in (student or {}).items()}
    texts = {"format": FORMAT, "version": VERSION, "package": package, "about": canonical(about)}
    save_tensors(tensors, texts, path)


def read_model(path: Path) -> Content:
    """Returns the content of a model file, tensors on the CPU.

    Raises:
        UserError: as `read_header`.
    """
    try:
        texts, tensors = load_tensors(path)
    except (OSError, ValueError) as error:
        raise _unread(path, error) from error
    header = _header(texts, path)
    network, student = (
        {name.removeprefix(part): value for name, value in tensors.items() if name.startswith(part)}
        for part in (NETWORK, STUDENT)
    )
    return Content(header, network, student or None)


def read_header(path: Path) -> Header:
    """Returns what a model file says of its model; checks the digest of the whole file.

    Raises:
        UserError: the file does not exist, cannot be read, is not a model file, is damaged or
            incomplete, or has another format version.
    """
    try:
        texts = load_onnx(path)[0] if is_onnx(path) else read_metadata(path)
    except (OSError, ValueError) as error:
        raise _unread(path, error) from error
    return _header(texts, path)


def read_onnx(path: Path) -> tuple[Header, bytes]:
    """Returns what an ONNX file says of its model, and the network, for ONNX Runtime.

    Raises:
        UserError: as `read_header`.
    """
    try:
        texts, network = load_onnx(path)
    except (OSError, ValueError) as error:
        raise _unread(path, error) from error
    return _header(texts, path), network


def header_texts(header: Header) -> dict[str, str]:
    """Returns the texts of a model file of this version; `digest` is as long as in the header."""
    texts = {"format": FORMAT, "version": VERSION, "package": header.package}
    return texts | {"about": canonical(header.about), "digest": header.digest}


def is_onnx(path: Path) -> bool:
    """Returns whether a model file is one for ONNX Runtime, by its name."""
    return path.suffix.lower() == ONNX


def student_file(path: Path) -> Path:
    """Returns the path of an ONNX file's student: `model.student.onnx` of `model.onnx`."""
    return path.with_name(f"{path.stem}.student{ONNX}")


def is_model_file(path: Path) -> bool:
    """Returns whether a file is a model file, of any version but the first; does not check it."""
    return is_of_format(path, FORMAT)


def has_torch() -> bool:
    """Returns whether PyTorch is installed; does not import it."""
    return find_spec("torch") is not None


def require_torch(path: Path) -> None:
    """Checks that PyTorch is installed, for a model file that it computes.

    Raises:
        UserError: it is not.
    """
    if not has_torch():
        raise UserError(
            f"{path}: this file requires PyTorch: pip install 'gaittake[pipeline]'. Or convert it "
            f"where PyTorch is installed: `{EXPORT} {path.name} --format onnx`; an ONNX file "
            "requires none."
        )


def shipped_model(*, gpu: bool = False) -> Path:
    """Returns the model file that gaittake ships, which ONNX Runtime computes on a CPU.

    Args:
        gpu: return the file that PyTorch computes.

    Raises:
        UserError: this version ships none.
    """
    onnx = SHIPPED.with_suffix(ONNX)
    if not gpu and onnx.is_file():
        return onnx
    if not SHIPPED.is_file():
        raise UserError(
            "no model file is given, and this version of gaittake ships none; give one, written by "
            f"`{EXPORT}` or `gaittake model pull`"
        )
    return SHIPPED


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


def _unread(path: Path, error: OSError | ValueError) -> UserError:
    if isinstance(error, OSError):
        return unreadable(path, error, required=f"a file written by `{EXPORT}`")
    if _is_of_torch_save(path):
        return UserError(
            f"{path}: not a safetensors file but one of torch.save, as older versions of gaittake "
            f"wrote them. Export the model again with `{EXPORT}`; --weights takes old weights."
        )
    return UserError(
        f"{path}: not a model file, or a damaged one ({error}). A file written by `{EXPORT}` is "
        f"required; if this is one: {FIX[0].lower()}{FIX[1:]}"
    )


def _is_of_torch_save(path: Path) -> bool:
    """Returns whether a file is an archive of `torch.save`; others are .npz files, for example."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _header(texts: Mapping[str, str], path: Path) -> Header:
    if texts.get("format") != FORMAT:
        raise UserError(
            f"{path}: not a model file but {texts.get('format', 'of unknown format')!r}. A file "
            f"written by `{EXPORT}` is required."
        )
    if texts.get("version") != VERSION:
        raise UserError(
            f"{path}: format version {texts.get('version')}, written by gaittake "
            f"{texts.get('package')}; this version of gaittake reads version {VERSION}. Use that "
            f"version of gaittake, or export the model again with `{EXPORT}`."
        )
    if set(texts) != KEYS:
        raise UserError(
            f"{path}: not a complete model file; missing: {sorted(KEYS - set(texts))}, unknown: "
            f"{sorted(set(texts) - KEYS)}. {FIX}"
        )
    try:
        about = About.model_validate_json(texts["about"])
    except ValidationError as error:
        raise UserError(
            f"{path}: not readable by this version of gaittake: {describe(error)}. Use gaittake "
            f"{texts['package']}, which wrote it, or export the model again with `{EXPORT}`."
        ) from error
    return Header(texts["package"], about, texts["digest"][:DIGITS])
