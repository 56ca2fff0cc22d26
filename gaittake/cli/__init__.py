"""The command `gaittake`, called by rules and by people."""

import errno
import io
import logging
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from gaittake import __version__
from gaittake.cli import data, init, networks, pickles, pose, recognition, show, use, weights
from gaittake.cli.attempts import note_hopeless, refuse_hopeless
from gaittake.cli.missing import missing_library
from gaittake.errors import Preempted, UserError

HELP = """Gait recognition, from frames to a cross-view rank-1 table.

Each stage is a command; by default it reads and writes the files under results/DATASET/.
`snakemake --cores all results/DATASET_rank1.csv` runs all stages. --debug shows tracebacks.
"""

cache = typer.Typer(no_args_is_help=True, help="Build the cache, which the network reads.")
cache.command("build")(data.build)
cache.command("merge")(data.merge)

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False)
app.command("init", rich_help_panel="Data")(init.init)
app.command("render", rich_help_panel="Data")(data.render)
app.command("unpack", rich_help_panel="Data")(data.unpack)
app.command("segment", rich_help_panel="Data")(data.segment)
app.command("index", rich_help_panel="Data")(data.index)
app.command("check", rich_help_panel="Data")(data.check)
app.add_typer(cache, name="cache", rich_help_panel="Data")
app.command("survey", rich_help_panel="Data")(data.survey)
app.command("export-pickles", rich_help_panel="Data")(pickles.export_pickles)
app.command("teacher", rich_help_panel="Pose")(pose.teacher)
app.command("pseudo-label", rich_help_panel="Pose")(pose.pseudo_label)
app.command("collect", rich_help_panel="Pose")(pose.collect)
app.command("assign-keypoints", rich_help_panel="Pose")(pose.assign_keypoints)
app.command("assign-labels", rich_help_panel="Pose")(pose.assign_labels)
app.command("finetune", rich_help_panel="Pose")(pose.finetune)
app.command("predict", rich_help_panel="Pose")(pose.predict)
app.command("quality", rich_help_panel="Pose")(pose.quality)
app.command("train", rich_help_panel="Recognition")(recognition.train)
app.command("embed", rich_help_panel="Recognition")(recognition.embed)
app.command("evaluate", rich_help_panel="Recognition")(recognition.evaluate)
app.command("scores", rich_help_panel="Recognition")(recognition.scores)
app.command("submit", rich_help_panel="Recognition")(recognition.submit)
app.command("compare", rich_help_panel="Recognition")(recognition.compare)
app.command("report", rich_help_panel="Recognition")(recognition.report)
app.add_typer(weights.app, name="weights", rich_help_panel="Recognition")
app.add_typer(use.app, name="model", rich_help_panel="Your own people")
app.command("config", rich_help_panel="Show")(show.config)
app.command("networks", rich_help_panel="Show")(networks.networks)
app.command("inspect", rich_help_panel="Show")(show.inspect)
app.command("preview", rich_help_panel="Show")(show.preview)
app.command("table", rich_help_panel="Show")(show.table)


def _version(asked: bool) -> None:
    if asked:
        print(f"gaittake {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None: ...


def main() -> None:
    """Runs one command; prints user errors as one line, without a traceback.

    Exit codes: 1 an error, 2 wrong usage, 130 interrupted, 143 preempted (start it again).
    """
    debug = "--debug" in sys.argv
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # terminals that lack a character get a '?'
            stream.reconfigure(errors="replace")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    # Typer would wrap errors in coloured frames; the handlers below speak in plain lines.
    app.pretty_exceptions_enable = False
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        refuse_hopeless(arguments)
        app(_each_set(arguments), prog_name="gaittake")
    except Preempted as error:
        _stop(str(error), code=error.code)
    except Exception as error:
        message = explanation(error)
        if message is not None and _is_out_of_gpu_memory(error):
            note_hopeless(arguments, message)
        if debug or message is None:
            raise
        _stop(f"error: {message}", code=1)


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the command as an error would, so that no temporary file is left."""
    os.write(2, b"gaittake: SIGTERM: stopped; run the same command again\n")
    raise SystemExit(143)


def _each_set(arguments: list[str]) -> list[str]:
    """Returns the arguments with `--set` before each change: `--set a.b=1 c.d=2` has two."""
    found: list[str] = []
    changing = False
    for argument in arguments:
        changing = changing and re.match(r"[\w.]+=", argument) is not None
        if changing and found[-1] != "--set":
            found.append("--set")
        found.append(argument)
        changing = changing or argument == "--set"
    return found


def explanation(error: Exception) -> str | None:
    """Returns one line for an error that the user can fix; None for a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return missing_library(error)
    if type(error).__name__ == "ValidationError":
        from pydantic import ValidationError

        from gaittake.settings import describe

        return describe(error) if isinstance(error, ValidationError) else None
    if _is_out_of_gpu_memory(error):
        from gaittake.device import out_of_memory

        return out_of_memory(error)
    # HDF5 hides the number of the error in its text.
    text = " ".join(str(error).split())
    if any(word in text for word in ("No space left", "Disk quota exceeded", "File too large")):
        return f"the disk is full; free some space, then run the same command again ({text})"
    if not isinstance(error, OSError) or error.filename is None:
        return None
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        if _is_unreadable(str(error.filename)):
            return f"{error.filename}: {error.strerror}; your account needs permission to read it"
        return f"{error.filename}: {error.strerror}; choose a writable location"
    if error.errno == errno.EISDIR:
        return f"{error.filename}: {error.strerror}; the name of a file is required"
    return f"{error.filename}: {error.strerror}"


def _is_out_of_gpu_memory(error: Exception) -> bool:
    if "torch" not in sys.modules:  # its import takes seconds
        return False
    from gaittake.device import is_out_of_memory

    return is_out_of_memory(error)


def _is_unreadable(path: str) -> bool:
    """Returns whether a file or folder exists and the account may not read it."""
    parents = [str(folder) for folder in Path(path).parents]
    above = any(os.path.lexists(each) and not os.access(each, os.X_OK) for each in parents)
    mode = os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK  # noqa: PTH112 never raises
    return above or (os.path.lexists(path) and not os.access(path, mode))


def _stop(message: str, *, code: int) -> NoReturn:
    print(f"gaittake: {message}", file=sys.stderr)
    raise SystemExit(code)
