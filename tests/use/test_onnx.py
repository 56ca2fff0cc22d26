"""Models run by ONNX Runtime: as PyTorch computes them, and without PyTorch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from gaittake import load
from gaittake.errors import UserError
from gaittake.models import NETWORKS, build_network
from gaittake.settings import SECTIONS, SIZES
from gaittake.use import export_onnx
from gaittake.use.model_file import (
    ONNX,
    SHIPPED,
    Content,
    read_header,
    read_model,
    shipped_model,
    student_file,
)
from tests.use.tiny import command, masks, sequence

REPOSITORY = Path(__file__).parents[2]
# As if these libraries were not installed.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
sys.meta_path.insert(0, Missing())
from gaittake.cli import main
main()
"""
EXTRAS = ("torch", "torchvision", "pandas", "h5py", "safetensors", "snakemake", "tensorboard",
          "jinja2", "pycocotools", "onnx", "onnxscript")  # fmt: skip


@pytest.fixture(scope="module")
def onnx_file(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny dataset's model with its student, converted."""
    path = tmp_path_factory.mktemp("onnx") / "walkers.onnx"
    command("export", str(model_file), "--format", "onnx", "--out", str(path))
    return path


def without_extras(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `gaittake model …` as in an install without extras."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT % (EXTRAS,), "model", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ
        | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )


def test_embeddings_are_those_of_pytorch(
    onnx_file: Path, model_file: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the student's keypoints, in float32 on any CPU; 8 frames are padded, 40 are not.
    monkeypatch.setattr("gaittake.pose.fast.has_bfloat16", lambda _: False)
    frames = masks(sequence("003", "nm-01", "036"))
    for silhouettes in (frames, np.concatenate([frames] * 5)):
        found, required = (load(path).embed(silhouettes) for path in (onnx_file, model_file))
        # The heatmaps of a student of a few steps are flat, so that rounding may choose another
        # window for a keypoint. With given keypoints, below, the numbers are equal.
        assert np.abs(found - required).max() < 0.01 * np.abs(required).max()
        assert np.abs(required).max() > 0.01


def test_keypoints_of_the_user_take_the_place_of_the_students(
    onnx_file: Path, model_file: Path, here: Path
) -> None:
    frames = masks(sequence("003", "nm-01", "036"))
    given = np.random.default_rng(0).uniform(0, 60, (len(frames), 17, 3))
    found, required = (load(path).embed(frames, given) for path in (onnx_file, model_file))
    assert np.abs(found - required).max() < 1e-4
    assert np.abs(load(onnx_file).embed(frames) - found).max() > 1e-3


def test_both_files_are_the_same_model(onnx_file: Path, model_file: Path, here: Path) -> None:
    one, other = read_header(onnx_file), read_header(model_file)
    assert one == other
    assert load(onnx_file).digest == load(model_file).digest


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_exported(name: str, model_file: Path) -> None:
    # The export itself compares three lengths with PyTorch.
    torch.manual_seed(0)
    numbers = SECTIONS[name].model_validate(SIZES["small"].get(name, {})).model_dump()
    header = read_model(model_file).header
    about = header.about.model_copy(update={"network": name, "model": numbers})
    network = build_network(name, height=64, width=44, **numbers)
    content = Content(header._replace(about=about), network.state_dict(), None)
    assert len(export_onnx._network(content, model_file)) > 1000


class OneLength(torch.nn.Module):
    """A network that PyTorch exports for one number of frames."""

    def forward(self, silhouettes: Tensor, keypoints: Tensor, counts: Tensor) -> Tensor:
        """Returns `[1, 1, 1]`."""
        means = silhouettes.mean(dim=(2, 3))[:, None]
        return max_pool1d(means, 3, 1, 1).mean(dim=2, keepdim=True)


def test_a_network_of_one_length_is_refused(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_onnx, "network_of", lambda *_: OneLength())
    with pytest.raises(UserError, match="for one number of frames only"):
        export_onnx._network(read_model(model_file), model_file)


def test_the_shipped_model_has_both_files_and_both_agree() -> None:
    onnx = SHIPPED.with_suffix(ONNX)
    assert shipped_model() == onnx
    assert shipped_model(gpu=True) == SHIPPED
    assert read_header(onnx) == read_header(SHIPPED)
    walk = np.zeros((40, 96, 160), dtype=np.uint8)
    for frame, image in enumerate(walk):
        x, reach = 20 + 3 * frame, round(8 * np.sin(frame / 3))
        image[10:50, x : x + 16] = 255
        image[50:88, x + reach : x + 7 + reach] = image[50:88, x + 9 - reach : x + 16 - reach] = 255
    found, required = (load(path).embed(walk) for path in (None, SHIPPED))
    assert np.abs(found - required).max() < 1e-4


def test_commands_need_no_extra(onnx_file: Path, here: Path, tmp_path: Path) -> None:
    one, other = str(sequence("003", "nm-01", "036")), str(sequence("004", "nm-02", "036"))
    model = ("--model", str(onnx_file))
    gallery = ("--gallery", str(tmp_path / "people.npz"))
    out = str(tmp_path / "one.npz")
    for arguments, expected in (
        (("show", str(onnx_file)), "method"),
        (("show",), "method"),
        (("embed", one, "--out", out, *model), out),
        (("compare", one, other, *model), "distance"),
        (("enrol", "anna", one, *gallery, *model), "1 sequence of 1 person"),
        (("identify", one, *gallery, "--fpir", "1", *model), "anna"),
    ):
        done = without_extras(*arguments, cwd=here)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


def test_a_file_for_pytorch_without_pytorch_names_the_extra(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("model", "model_file"):
        monkeypatch.setattr(f"gaittake.use.{place}.has_torch", lambda: False)
    expected = r"pip install 'gaittake\[pipeline\]'.*--format onnx"
    with pytest.raises(UserError, match=expected):
        load(model_file)
    one = str(sequence("003", "nm-01", "036"))
    with pytest.raises(UserError, match=expected):
        command("compare", one, one, "--model", str(model_file))


def test_an_onnx_file_is_not_computed_on_a_gpu(onnx_file: Path) -> None:
    with pytest.raises(UserError, match=r"computed on the CPU, not on 'cuda'.*\.safetensors"):
        load(onnx_file, "cuda")


def test_an_onnx_file_is_not_pushed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds the model's \.safetensors file"):
        command("push", str(SHIPPED.with_suffix(ONNX)), str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_foreign_onnx_file_is_refused(onnx_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "walkers.onnx"
    path.write_bytes(onnx_file.read_bytes()[:-1])
    with pytest.raises(UserError, match="not a model file, or a damaged one"):
        load(path)


def test_a_student_must_lie_beside_its_model(onnx_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "walkers.onnx"
    shutil.copy(onnx_file, path)
    with pytest.raises(UserError, match=r"walkers\.student\.onnx: no such file"):
        load(path)
    shutil.copy(SHIPPED.with_suffix(ONNX), student_file(path))
    with pytest.raises(UserError, match=r"the student of model .* but .* is model"):
        load(path)


def test_results_that_differ_are_not_written(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_onnx, "_student", lambda *_: b"")
    monkeypatch.setattr(export_onnx, "embedding", lambda *_: np.full((1, 1), 1e-3))
    with pytest.raises(UserError, match=r"embeddings of 5 frames: .* nothing was written"):
        export_onnx.export_onnx(model_file, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_student_that_searches_whole_frames_is_refused(model_file: Path) -> None:
    content = read_model(model_file)
    assert content.header.about.predict is not None
    predict = content.header.about.predict.model_copy(update={"boxes": "detected"})
    with pytest.raises(UserError, match=r"searches whole frames .* can be exported"):
        export_onnx._student(content, predict, model_file)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--out", "a.safetensors"), "must end with .onnx"),
        (("--method", "gei"), "a model file; it can be converted with --format onnx"),
    ],
)
def test_a_wrong_export_is_refused(
    arguments: tuple[str, ...], expected: str, model_file: Path, here: Path
) -> None:
    with pytest.raises(UserError, match=expected):
        command("export", str(model_file), "--format", "onnx", *arguments)
    with pytest.raises(UserError, match="--format onnx and --out alone"):
        command("export", str(model_file))
