"""Models in repositories: of a model hub, or a folder of the same files."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.use.card import FILE, front_of, model_card
from gaittake.use.model_file import Header, is_onnx, read_header

CARD = "README.md"
NEXT = "choose a licence there, then make it public in the hub's settings"
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


def push(model: Path, repository: str) -> str:
    """Writes a model file and its card to a repository; returns where they are.

    The lines of an existing card that the hub reads, among them the licence, are kept.

    Args:
        model: the model file.
        repository: `owner/name` of the hub, created as a private one if missing; or a folder, if it
            begins with `.`, `/` or `~`.

    Raises:
        UserError: not a model file, or an ONNX file; the hub cannot be reached or refuses; or
            `huggingface_hub` is not installed.
    """
    header = read_header(model)
    if is_onnx(model):
        raise UserError(
            f"{model}: a repository holds the model's .safetensors file, which can be converted to "
            "ONNX; push that file"
        )
    if (folder := _folder(repository)) is not None:
        card = folder / CARD
        front = front_of(card.read_text(encoding="utf-8")) if card.is_file() else None
        with whole_file(folder / FILE) as temporary:
            shutil.copyfile(model, temporary)
        with whole_file(card) as temporary:
            temporary.write_text(model_card(header, front=front), encoding="utf-8")
        return f"{folder}: {FILE}, {CARD}"
    hub = _hub()
    with _told(repository), TemporaryDirectory() as place:
        address = str(hub.create_repo(repository, private=True, exist_ok=True))
        front = None
        if hub.file_exists(repository, CARD):
            old = Path(hub.hf_hub_download(repository, CARD, local_dir=place))
            front = front_of(old.read_text(encoding="utf-8"))
        files = {FILE: model, CARD: model_card(header, front=front).encode()}
        hub.create_commit(
            repository,
            [hub.CommitOperationAdd(name, content) for name, content in files.items()],
            commit_message=f"Model {header.digest}",
        )
    return address if front else f"{address}: {NEXT}"


def pull(repository: str, out: Path) -> Header:
    """Copies the model of a repository to a file; returns what it says of the model.

    Args:
        repository: `owner/name` of the hub, or a folder, as in `push`.
        out: the model file to write.

    Raises:
        UserError: the repository has no model or a damaged one; the hub cannot be reached; or
            `huggingface_hub` is not installed.
    """
    if (folder := _folder(repository)) is not None:
        return _copied(folder / FILE, out)
    hub = _hub()
    with TemporaryDirectory() as place:
        with _told(repository):
            found = Path(hub.hf_hub_download(repository, FILE, local_dir=place))
        return _copied(found, out)


def _copied(model: Path, out: Path) -> Header:
    header = read_header(model)
    with whole_file(out) as temporary:
        shutil.copyfile(model, temporary)
    return header


def _folder(repository: str) -> Path | None:
    """Returns the folder that a repository is; None for one of the hub."""
    is_folder = repository.startswith((".", "/", "~"))
    return Path(repository).expanduser() if is_folder else None


def _hub() -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(
            "a repository of a model hub requires the extra 'hub': pip install 'gaittake[hub]' (in "
            "a clone: '.[hub]'). A folder, for example ./model, does not."
        ) from error
    return huggingface_hub


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """Raises the hub's errors in one line, with what to do."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    # The first base is the error of the HTTP library, which depends on the version.
    failures: tuple[type[BaseException], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        yield
    except HFValidationError as error:
        raise UserError(
            f"{repository}: not the name of a repository; owner/name is required, or a folder that "
            "begins with ./, / or ~"
        ) from error
    except LocalTokenNotFoundError as error:
        raise UserError(f"{repository}: {LOG_IN}") from error
    except failures as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403, 404):
            raise UserError(
                f"{repository}: no such repository or file, or no permission (status {status}). "
                f"Check the name; {LOG_IN}"
            ) from error
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{repository}: the model hub cannot be reached or failed ({reason}); check the "
            "network and try again, or use a folder, for example ./model"
        ) from error
