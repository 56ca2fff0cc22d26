"""Libraries that are not installed: which package has them, and how to install it."""

import re
from importlib.metadata import PackageNotFoundError, requires

# Packages with another name than the module that they install.
PACKAGES = {
    "ai_edge_litert": "ai-edge-litert",
    "cv2": "opencv-python-headless",
    "huggingface_hub": "huggingface-hub",
    "yaml": "pyyaml",
}


def missing_library(error: ModuleNotFoundError) -> str | None:
    """Returns one line for a library that this package requires; None for any other module."""
    module = (error.name or "").partition(".")[0]
    package = PACKAGES.get(module, module)
    try:
        needed = requires("gaittake") or []
    except PackageNotFoundError:  # a folder of the package, not installed
        needed = []
    found = [text for text in needed if _name(text) == package]
    if not module or module == "gaittake" or (needed and not found):
        return None
    extra = found and re.search(r"extra\s*==\s*['\"](\w+)['\"]", found[0])
    install = f"gaittake[{extra[1]}]" if extra else package
    return f"the library {module} is not installed: pip install '{install}'"


def _name(requirement: str) -> str:
    """Returns `pyyaml` of `PyYAML>=6.0; extra == "test"`."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
