"""The environment of a computation: what can change its last digits."""

import json
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from gaittake import __version__

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "h5py", "pandas")


def environment(device: torch.device, precision: str) -> str:
    """Returns versions, processor, threads and precision of a computation, as JSON.

    Args:
        device: where a network computes.
        precision: the type its layers compute in, for example `bfloat16`.
    """
    found = {
        "gaittake": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "precision": precision,
    }
    return json.dumps(found)


def commit() -> str:
    """Returns the git commit of the package, with `+` if files changed; `none` if unknown."""
    command = ["git", "-C", str(PACKAGE), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        tracked = subprocess.run(
            ["git", "-C", str(PACKAGE), "ls-files", "--error-unmatch", __file__],
            capture_output=True,
            check=False,
        )
        if tracked.returncode:  # installed inside a repository of something else
            return "none"
        described = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return "none"
    return described.stdout.strip() or "none"


def processor() -> str:
    """Returns the model of the CPU."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if model:
        return model[1]
    if platform.system() == "Darwin":  # whose platform.processor() is "arm" for every Mac
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or platform.machine()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
