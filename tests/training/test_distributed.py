"""Two processes train the same weights as one process, and stop together."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from gaittake.cli import options
from gaittake.data.store import load_store
from gaittake.errors import UserError
from gaittake.evaluation.embed import embed_sequences
from gaittake.io.weights import read_weights
from gaittake.models import build_network
from gaittake.training.distributed import ALONE
from tests.conftest import write_cache
from tests.training.runs import CPU, run
from tests.training.two_processes import NETWORKS, SUBJECTS, one_step, stage
from tests.workflow.project import REPOSITORY

pytestmark = pytest.mark.slow

GROUPS = 12  # the most groups that the two processes form, one after another


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of the results of two processes; see `two_processes`."""
    folder = tmp_path_factory.mktemp("two")
    write_cache(folder / "cache.h5")
    command = [sys.executable, "-m", "tests.training.two_processes", folder, *free_ports(GROUPS)]
    place = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(command, env=place | {"RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    return folder


@pytest.fixture(scope="module")
def one(two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of the same trainings by one process."""
    folder = tmp_path_factory.mktemp("one")
    for name in NETWORKS:
        run(folder / name, two / "cache.h5", stage(name))
    return folder


def free_ports(count: int) -> list[str]:
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]


def weights(folder: Path) -> dict[str, Tensor]:
    return read_weights(folder / "weights.safetensors").state


def embeddings(cache: Path, name: str, folder: Path) -> Tensor:
    network, model, _ = NETWORKS[name]
    built = build_network(network, height=16, width=8, **model)
    built.load_state_dict(weights(folder))
    return torch.from_numpy(embed_sequences(built.eval(), load_store(cache, SUBJECTS, CPU)))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("name", NETWORKS)
def test_loss_and_gradients_of_two_processes_are_those_of_one(
    two: Path, name: str, rank: int
) -> None:
    expected = one_step(two / "cache.h5", stage(name), ALONE)
    found = torch.load(two / f"{name}-{rank}.pt", weights_only=True)
    assert float(found["loss"]) == pytest.approx(float(expected["loss"]), abs=1e-5)
    assert found["gradients"].keys() == expected["gradients"].keys()
    largest = max(float(gradient.abs().max()) for gradient in expected["gradients"].values())
    assert largest > 1e-3
    for kind in ("metrics", "gradients", "statistics"):
        for what, value in expected[kind].items():
            there = found[kind][what]
            assert torch.allclose(there, value, rtol=1e-5, atol=1e-5 * min(largest, 1)), what


@pytest.mark.parametrize("name", NETWORKS)
def test_two_processes_train_the_embeddings_of_one(two: Path, one: Path, name: str) -> None:
    expected = embeddings(two / "cache.h5", name, one / name)
    found = embeddings(two / "cache.h5", name, two / name)
    assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())
    histories = [pd.read_csv(where / name / "train.csv") for where in (one, two)]
    # Accuracy counts classifications, of which rounding may change one.
    if "accuracy" in histories[0]:
        one_of_all = 1 / (6 * 16)  # sequences x parts
        differences = (histories[0]["accuracy"] - histories[1]["accuracy"]).abs()
        assert differences.max() < 1.01 * one_of_all
    columns = histories[0].columns.difference(["frames_per_second", "accuracy"])
    pd.testing.assert_frame_equal(histories[0][columns], histories[1][columns], rtol=1e-4)


def test_both_processes_continue_where_they_were_killed_bit_for_bit(two: Path) -> None:
    whole, killed = weights(two / "all switches"), weights(two / "killed")
    assert all(killed[name].equal(whole[name]) for name in whole)


def test_both_stop_when_one_gets_sigterm_and_any_number_of_processes_continues(
    two: Path, one: Path, tmp_path: Path
) -> None:
    saved = torch.load(two / "preempted/checkpoints/last.pt", weights_only=True)["state"]
    assert saved["step"] == 3
    for rank in (0, 1):
        assert "progress is saved" in said(two, rank)["preempted"]
    shutil.copytree(two / "preempted", tmp_path / "continued")
    run(tmp_path / "continued", two / "cache.h5", stage("gaittake"))
    expected = embeddings(two / "cache.h5", "gaittake", one / "gaittake")
    found = embeddings(two / "cache.h5", "gaittake", tmp_path / "continued")
    assert float((found - expected).abs().max()) < 1e-4


def said(two: Path, rank: int) -> dict[str, str]:
    found: dict[str, str] = torch.load(two / f"said-{rank}.pt", weights_only=True)
    return found


def test_a_batch_that_cannot_be_divided_equally_is_an_error_with_its_numbers(two: Path) -> None:
    assert "a batch of 9 sequences" in said(two, 0)["unequal"]
    assert "equally among 2 processes" in said(two, 0)["unequal"]


def test_processes_that_find_different_checkpoints_do_not_start(two: Path) -> None:
    for rank in (0, 1):
        assert "different files: step 12 of training" in said(two, rank)["apart"]
        assert "; step 0 of training" in said(two, rank)["apart"]


def test_a_process_that_fails_ends_the_other_one(two: Path) -> None:
    assert said(two, 1)["lost"] == "process 1 of 2: no luck"
    assert said(two, 0)["lost"].startswith("process 0 of 2: another process of this training ended")


def test_processes_of_a_machine_share_its_threads_and_have_a_gpu_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[int] = []
    taken: list[str | None] = [None] * 4
    monkeypatch.setattr(options, "take_card", lambda processes: taken.pop())
    monkeypatch.setattr(options, "limit_threads", threads.append)
    monkeypatch.setattr("gaittake.device.check_card", lambda device: None)
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert options.computing_on(options.Device.AUTO, 8) == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert options.computing_on(options.Device.AUTO, 8) == torch.device("cuda:2")
    assert options.computing_on(options.Device.CPU, 2) == torch.device("cpu")
    assert threads == [8, 8, 2, 2, 1, 1]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(UserError, match=r"4 processes .* finds 3 GPUs; use .*--nproc-per-node 3"):
        options.computing_on(options.Device.AUTO, 8)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # this process hid the others
    taken.append("GPU-c")
    assert options.computing_on(options.Device.AUTO, 8) == torch.device("cuda:0")


def test_sigterm_to_torchrun_saves_within_ten_seconds(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache.h5")
    last = tmp_path / "checkpoints/last.pt"
    process = torchrun(tmp_path)
    deadline = time.monotonic() + 300
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    since = time.time()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=120)[1]
    assert last.stat().st_mtime - since < 10
    assert process.returncode != 0
    assert "progress is saved" in said
    assert torch.load(last, weights_only=True)["state"]["step"] >= 20


def torchrun(folder: Path) -> "subprocess.Popen[str]":
    """Starts two processes on a very long training that saves every 20 steps."""
    settings = stage("gaittake", steps=10**6, checkpoint_every=20)
    dataset = {
        "protocol": {"train_subjects": settings.subjects, "test_subjects": ["124"]},
        "model": settings.model,
        "train": settings.train.model_dump(mode="json"),
    }
    (folder / "config").mkdir()
    (folder / "config" / "made.yaml").write_text(json.dumps(dataset))
    command = ["--standalone", "--nproc-per-node", "2", "-m", "gaittake", "train", "made"]
    command += ["--method", "gaittake", "--cache", "cache.h5", "--checkpoints", "checkpoints"]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *command, "--threads", "2"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(REPOSITORY)},
    )
