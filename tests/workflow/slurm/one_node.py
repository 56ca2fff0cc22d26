"""A Slurm of one node, for one test: its own key, ports and folder, nothing of the machine's.

It needs the programs of Debian's packages slurm-wlm and munge, neither root nor systemd. Cores,
memory and GPUs are only declared, so a small machine passes for a large node: Slurm counts and
grants them, and holds nobody to them.
"""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MinJobAge={min_job_age}
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=32 RealMemory=131072 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Returns why no Slurm can be started here; nothing if one can."""
    lacking = [name for name in ("sbatch", *DAEMONS) if not shutil.which(name, path=PLACES)]
    return f"{', '.join(lacking)} not found: apt-get install slurm-wlm munge" if lacking else ""


@contextmanager
def one_node(folder: Path, *, min_job_age: int = 300) -> Iterator[dict[str, str]]:
    """Yields the environment in which `sbatch` and `squeue` speak to a Slurm of this folder.

    Args:
        folder: for its key, state and logs; made. Its path must be short: it holds a socket.
        min_job_age: seconds after which a finished job is forgotten.

    Raises:
        RuntimeError: it did not come up; the logs' last lines tell.
    """
    folder.mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    text = CONFIGURATION.format(
        folder=folder,
        host=host,
        user=getpass.getuser(),
        controller_port=_free_port(),
        node_port=_free_port(),
        min_job_age=min_job_age,
    )
    (folder / "slurm.conf").write_text(text)
    # Two devices that every machine has: Slurm hands out their numbers, nobody opens them.
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    environment = os.environ | {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{_srun(folder)}:{PLACES}",
    }
    try:
        _start(["munged", "--force", *_munge_files(folder)], folder, environment)
        _start(["slurmctld"], folder, environment)
        _start(["slurmd", "-N", host], folder, environment)
        _wait_until_idle(folder, environment)
        yield environment
    finally:
        for name in reversed(DAEMONS):
            _stop(folder / f"{name}.pid")


def _srun(folder: Path) -> Path:
    """Returns a folder with an `srun` for use in jobs, from which Slurm takes `SLURM_CONF`."""
    program = folder / "bin" / "srun"
    program.parent.mkdir()
    real = shutil.which("srun", path=PLACES)
    program.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {real} "$@"\n')
    program.chmod(0o755)
    return program.parent


def _munge_files(folder: Path) -> list[str]:
    return [
        f"--socket={folder}/munge.socket",
        f"--key-file={folder}/munge.key",
        f"--seed-file={folder}/munge.seed",
        f"--log-file={folder}/munged.log",
        f"--pid-file={folder}/munged.pid",
    ]


def _start(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Starts a daemon, which goes to the background by itself."""
    program = shutil.which(command[0], path=PLACES)
    assert program is not None
    # Files, not pipes: a daemon may hold its output open for as long as it lives.
    with (folder / f"{command[0]}.out").open("w") as said:
        code = subprocess.call(
            [program, *command[1:]], env=environment, stdout=said, stderr=said, timeout=30
        )
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}:\n{_last_words(folder)}")


def _wait_until_idle(folder: Path, environment: dict[str, str], patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        asked = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True
        )
        if set(asked.stdout.split()) == {"idle"}:
            return
        time.sleep(0.1)
    raise RuntimeError(f"the node is not idle after {patience} s:\n{_last_words(folder)}")


def _last_words(folder: Path) -> str:
    logs = [*folder.glob("*.log"), *folder.glob("*.out")]
    return "\n".join(f"{path.name}: {path.read_text()[-600:]}" for path in logs)


def _stop(pid_file: Path, patience: float = 5) -> None:
    """Ends the daemon that wrote this file, and waits until it has ended."""
    text = pid_file.read_text().strip() if pid_file.exists() else ""
    if not text:
        return
    deadline = time.monotonic() + patience
    try:
        os.kill(int(text), signal.SIGTERM)
        while time.monotonic() < deadline:
            os.kill(int(text), 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port
