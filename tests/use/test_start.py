"""Commands import no more than they need: a question about a file takes no seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaittake.cli.use import _description
from gaittake.use.model_file import read_header
from tests.use.tiny import sequence

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "pandas", "numpy", "h5py", "cv2", "snakemake", "huggingface_hub")
RUN = """
import sys
from gaittake.cli import main
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def run(*arguments: str, cwd: Path | None = None) -> tuple[str, str, set[str]]:
    """Returns what a command prints, its error, and the modules it imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )
    *error, modules = done.stderr.splitlines()
    return done.stdout, "\n".join(error), set(modules.split())


def test_show_reads_the_header_without_torch(model_file: Path) -> None:
    printed, error, modules = run("model", "show", str(model_file))
    assert printed.strip() == _description(read_header(model_file))
    assert error == ""
    assert not modules & set(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("show", "none.safetensors"), "none.safetensors: no such file"),
        (("compare", "{one}", "{one}", "--model", "none.safetensors"), "none.safetensors: no"),
        (("compare", "{one}", "nowhere", "--model", "{model}"), "nowhere: no such file"),
        (("compare", "{one}", "no.npz#a", "--model", "{model}"), "no.npz: no such file"),
        (("embed", "nowhere", "--out", "a.npz", "--model", "{model}"), "nowhere: no such file"),
        (
            ("identify", "{one}", "--gallery", "no.npz", "--model", "{model}"),
            "no.npz: no such file or directory; a file written by `gaittake model enrol`",
        ),
        (
            ("enrol", "anna", "nowhere", "--gallery", "g.npz", "--model", "{model}"),
            "nowhere: no such file",
        ),
        (("push", "none.safetensors", "ann/gait"), "none.safetensors: no such file"),
        (("pull", "./none"), "none/model.safetensors: no such file"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_missing_file_is_reported_before_torch_is_imported(
    model_file: Path, here: Path, arguments: tuple[str, ...], expected: str
) -> None:
    chosen = [
        item.format(one=sequence("003", "nm-01", "036"), model=model_file) for item in arguments
    ]
    printed, error, modules = run("model", *chosen, cwd=here)
    assert printed == ""
    assert expected in error
    assert not modules & {"torch", "torchvision", "pandas", "huggingface_hub"}


def test_compare_imports_no_torch_dynamo(model_file: Path, here: Path) -> None:
    sequences = (str(sequence("003", "nm-01", "036")), str(sequence("004", "nm-02", "090")))
    printed, _, modules = run("model", "compare", *sequences, "--model", str(model_file), cwd=here)
    assert "distance" in printed
    assert "torchvision" in modules
    assert not modules & {"torch._dynamo", "sympy", "snakemake"}


def test_compare_with_the_shipped_model_imports_no_torch(here: Path) -> None:
    sequences = (str(sequence("003", "nm-01", "036")), str(sequence("004", "nm-02", "036")))
    printed, _, modules = run("model", "compare", *sequences, cwd=here)
    assert "distance" in printed
    assert "onnxruntime" in modules
    assert not modules & {"torch", "torchvision", "pandas", "h5py", "snakemake", "onnx"}
