"""MediaPipe's BlazePose networks: taken once from the wheel that publishes them, and checked."""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file

WHEEL = "GAITTAKE_MEDIAPIPE"  # environment variable: a wheel on disk, for machines without network
PACKAGE = "mediapipe==0.10.21"  # later wheels hold no networks
# Any platform's wheel holds the same networks; one of them has one hash.
PLATFORM = ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--abi=cp311")
HASH = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
DOWNLOAD = " ".join(("pip download --no-deps --only-binary=:all:", *PLATFORM, PACKAGE))


class Published(NamedTuple):
    """A file in the wheel.

    Attributes:
        name: path in the wheel.
        sha256: of the file.
    """

    name: str
    sha256: str


DETECTOR = Published(
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
)
LANDMARKS = Published(
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
)


def blazepose_files() -> tuple[Path, Path]:
    """Returns the files of BlazePose's detector and landmark network, with the published content.

    They are stored in torch hub's folder, as the weights of COCO are. If they are not there, they
    are taken from the wheel that the environment variable GAITTAKE_MEDIAPIPE names, or from one
    that pip downloads (35 MB).

    Raises:
        UserError: the wheel cannot be downloaded or read, or holds other files.
    """
    folder = _hub() / "checkpoints"
    places = {item: folder / Path(item.name).name for item in (DETECTOR, LANDMARKS)}
    if not all(_is_published(place, item) for item, place in places.items()):
        given = os.environ.get(WHEEL)
        with tempfile.TemporaryDirectory() as temporary:
            wheel = Path(given) if given else _download(Path(temporary), folder)
            for item, place in places.items():
                content = _read(wheel, item)
                place.parent.mkdir(parents=True, exist_ok=True)
                with whole_file(place) as part:
                    part.write_bytes(content)
    return places[DETECTOR], places[LANDMARKS]


def _hub() -> Path:
    """Returns the folder that `torch.hub.get_dir` returns, without an import of PyTorch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def _is_published(path: Path, item: Published) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == item.sha256


def _download(folder: Path, place: Path) -> Path:
    required = folder / "requirements.txt"
    required.write_text(f"{PACKAGE} --hash=sha256:{HASH}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--disable-pip-version-check", "--no-input", "--only-binary=:all:", *PLATFORM]
    done = subprocess.run(
        [*command, f"--dest={folder}", f"--requirement={required}"], capture_output=True, text=True
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(
            f"MediaPipe's networks are not in {place}, and pip cannot download {PACKAGE} "
            f"({said[-1][:200] if said else 'no message'}). On a machine with internet access, run "
            f"`{DOWNLOAD}`; then set {WHEEL} to the wheel."
        )
    return wheels[0]


def _read(wheel: Path, item: Published) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(item.name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{wheel}: no {item.name} ({reason}); the wheel of {PACKAGE} is required: `{DOWNLOAD}`"
        ) from error
    if (found := hashlib.sha256(content).hexdigest()) != item.sha256:
        raise UserError(
            f"{wheel}: {item.name} has SHA-256 {found}, required: {item.sha256}; the wheel of "
            f"{PACKAGE} holds it: `{DOWNLOAD}`"
        )
    return content
