"""Jobs on a GPU: where they compute, and the note that its memory was too small."""

import subprocess
import sys
from pathlib import Path

import pytest

from gaittake.cli.attempts import note_hopeless, refuse_hopeless
from gaittake.errors import UserError
from gaittake.pipeline import gpu_jobs

COMMAND = ["train", "walkers", "--out"]


@pytest.mark.parametrize(
    ("gpus", "chosen", "granted", "device"),
    [
        (1, "auto", False, "auto"),
        (1, "auto", True, "cuda"),
        (0, "auto", True, "cpu"),
        (1, "cpu", True, "cpu"),
        (0, "cuda", False, "cuda"),
    ],
)
def test_a_granted_gpu_must_be_found_unless_the_user_chose(
    gpus: int, chosen: str, granted: bool, device: str
) -> None:
    assert gpu_jobs.device_of(gpus, chosen=chosen, granted=granted) == device


def test_a_note_ends_the_next_attempt_of_its_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [*COMMAND, str(tmp_path / "weights.safetensors")]
    monkeypatch.setenv("GAITTAKE_RUN", "one")
    refuse_hopeless(command)
    note_hopeless(command, "out of GPU memory: lower it")
    with pytest.raises(UserError, match=r"^out of GPU memory: lower it \(Not tried again in this"):
        refuse_hopeless(command)
    refuse_hopeless([*COMMAND, str(tmp_path / "embeddings.h5")])
    monkeypatch.setenv("GAITTAKE_RUN", "two")
    refuse_hopeless(command)
    assert list(tmp_path.iterdir()) == []


def test_commands_by_hand_leave_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAITTAKE_RUN", raising=False)
    note_hopeless([*COMMAND, str(tmp_path / "weights.safetensors")], "out of GPU memory")
    note_hopeless(["train", "walkers", "--out"], "out of GPU memory")
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_the_name_that_its_jobs_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITTAKE_RUN", "one")
    gpu_jobs.name_run()
    code = "import os; print(os.environ['GAITTAKE_RUN'])"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert asked.stdout == "one\n"


def test_where_snakemake_has_no_pytorch_the_gpu_is_taken_as_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    assert gpu_jobs.why_unseen() == ""
