"""The recipes of the images agree with each other and copy what the package is built from."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
CONTAINERS = REPOSITORY / "containers"
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text()
APPTAINER = (CONTAINERS / "apptainer.def").read_text()


def test_both_images_copy_the_same_files_and_all_that_a_wheel_carries() -> None:
    ignored = (CONTAINERS / "Dockerfile.dockerignore").read_text()
    docker = set(re.findall(r"^!(.+)$", ignored, re.MULTILINE))
    pairs = re.findall(r"^ +(\S+) (/tmp/gaittake/\S+)$", APPTAINER, re.MULTILINE)
    assert all(target == f"/tmp/gaittake/{source}" for source, target in pairs)
    assert docker == {source for source, _ in pairs}
    assert all((REPOSITORY / name).exists() for name in docker)
    assert carried() <= docker
    assert {"gaittake", "pyproject.toml", "setup.py", "constraints.txt", "containers"} <= docker


def carried() -> set[str]:
    """Returns what setup.py puts into the wheel beside the package."""
    text = (REPOSITORY / "setup.py").read_text()
    (names,) = re.findall(r"^CARRIED = \((.+)\)$", text, re.MULTILINE)
    return set(re.findall(r'"(.+?)"', names))


def test_both_images_start_from_the_same_python_and_install_by_the_same_script() -> None:
    (docker,) = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    (apptainer,) = re.findall(r"^From: (\S+)$", APPTAINER, re.MULTILINE)
    assert docker == apptainer
    for text in (DOCKERFILE, APPTAINER):
        assert re.search(r"/tmp/gaittake/containers/install\.sh /tmp/gaittake \S", text)


def test_a_build_of_pytorch_that_does_not_exist_is_refused_before_anything_is_installed() -> None:
    script = str(CONTAINERS / "install.sh")
    done = subprocess.run(["sh", script, ".", "tpu"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "'tpu' is no build of PyTorch; choose cpu or cuda" in done.stderr
