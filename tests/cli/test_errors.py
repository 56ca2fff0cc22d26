"""One line for each error that a user can fix, and the right exit code."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from gaittake.cli import _each_set, explanation
from gaittake.cli.options import job_of
from gaittake.errors import Preempted
from gaittake.io.atomic import whole_file
from tests.cli.conftest import Run, assert_one_line
from tests.conftest import write_cache

REPOSITORY = Path(__file__).parents[2]


def test_help_names_every_stage_and_loads_no_heavy_library() -> None:
    script = (
        "import sys\nfrom gaittake.cli import main\nsys.argv = ['gaittake', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print(sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for stage in ("render", "index", "teacher", "pseudo-label", "finetune", "predict", "quality"):
        assert stage in done.stdout
    for stage in ("cache", "train", "embed", "evaluate", "compare", "config", "preview", "table"):
        assert stage in done.stdout
    for heavy in ("torch", "numpy", "pandas", "cv2", "h5py", "pydantic"):
        assert f"'{heavy}'" not in done.stdout


@pytest.mark.parametrize(
    "changes",
    [["--set", "train.steps=7", "note=two words"], ["--set", "train.steps=7 note=two words"]],
)
def test_one_set_takes_several_changes(run: Run, changes: list[str]) -> None:
    assert _each_set(["config", "tiny", *changes, "--debug"])[-1] == "--debug"
    settings = job_of("tiny", [word for word in _each_set(changes) if word != "--set"]).settings
    assert (settings.train.steps, settings.note) == (7, "two words")
    assert run("config", "tiny", *changes)[0] == 0


def test_an_unknown_setting_is_one_line(run: Run) -> None:
    said = run("config", "tiny", "--set", "train.stepz=3")
    assert_one_line(said, "config/tiny.yaml", "stepz", "did you mean 'train.steps'?")


def test_a_file_that_is_no_table_is_one_line(run: Run) -> None:
    assert_one_line(run("table", "results/none.csv"), "results/none.csv", "no such file")
    path = write_cache(Path("results/tiny/cache.h5"))
    assert_one_line(run("table", str(path)), str(path), "not a readable CSV table")


def test_a_file_that_is_no_text_is_one_line(run: Run) -> None:
    Path("config/other.yaml").write_bytes(b"\x89HDF\r\n")
    assert_one_line(run("config", "other"), "config/other.yaml", "not UTF-8")


def test_a_setting_out_of_range_is_one_line(run: Run) -> None:
    said = run("train", "tiny", "--method", "gaittake", "--set", "train.steps=0")
    assert_one_line(said, "train.steps", "greater than or equal to 1", "0")


def test_a_dataset_without_a_yaml_is_one_line_that_lists_those_there_are(run: Run) -> None:
    assert_one_line(run("train", "tyni", "--method", "gei"), "config/tyni.yaml", "tiny")


def test_a_missing_dataset_folder_is_one_line(run: Run) -> None:
    said = run("index", "tiny", "--shard", "train-000")
    assert_one_line(said, "silhouettes", "no such folder", "source.silhouettes")


def test_an_empty_dataset_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "silhouettes").mkdir()
    assert_one_line(run("index", "tiny", "--shard", "train-000"), "silhouettes", "empty")


def test_a_cache_of_another_schema_is_one_line(run: Run) -> None:
    with h5py.File(write_cache(Path("results/tiny/cache.h5")), "r+") as file:
        file.attrs["schema"] = 99
    said = run("train", "tiny", "--method", "gaittake", "--device", "cpu")
    assert_one_line(said, "results/tiny/cache.h5", "schema", "99", "Delete it")


def test_a_truncated_cache_is_one_line(run: Run) -> None:
    path = write_cache(Path("results/tiny/cache.h5"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = run("train", "tiny", "--method", "gaittake", "--device", "cpu")
    assert_one_line(said, "results/tiny/cache.h5", "not a readable HDF5 file", "Delete it")


def test_missing_weights_are_one_line(run: Run) -> None:
    write_cache(Path("results/tiny/cache.h5"))
    said = run("embed", "tiny", "--method", "gaittake", "--device", "cpu")
    assert_one_line(said, "results/tiny/gaittake/weights.safetensors", "gaittake train")


def test_settings_that_changed_since_the_workflow_read_them_are_one_line(run: Run) -> None:
    said = run("predict", "tiny", "--shard", "train-000", "--settings-digest", "0" * 16)
    assert_one_line(said, "config/tiny.yaml changed", "start the workflow again")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("train", "tiny"), "--method is required; tiny has gei, gaittake"),
        (("train", "tiny", "--method", "gaitake"), "methods.gaitake: there is no such method"),
        (("train", "tiny", "--method", "gei"), "gei needs no training"),
        (("index", "tiny"), "--shard is required; tiny has train-000, test-000"),
        (("index", "tiny", "--shard", "test-9"), "--shard test-9: tiny has train-000, test-000"),
    ],
)
def test_a_missing_or_unknown_part_is_one_line_that_lists_those_there_are(
    run: Run, arguments: tuple[str, ...], named: str
) -> None:
    assert_one_line(run(*arguments), named)


def test_missing_recorded_walks_are_one_line(run: Run) -> None:
    recorded = ("protocol.test_subjects=[recorded]", "walkers.recorded=data/walks.npz")
    said = run("index", "tiny", "--shard", "test-000", "--set", recorded[0], "--set", recorded[1])
    assert_one_line(said, "data/walks.npz")


def test_debug_shows_the_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gaittake", "config", "nope", "--debug"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "gbk"])
@pytest.mark.parametrize("command", ["networks", "config", "table"])
def test_a_terminal_that_lacks_a_character_shows_a_question_mark(
    tmp_path: Path, encoding: str, command: str
) -> None:
    table = tmp_path / "made_rank1.csv"
    table.write_text("dataset,method,condition,90,mean\nmade,gei,nm,50.00,50.00\n")
    arguments = {"networks": [], "config": ["walkers"], "table": [str(table)]}[command]
    done = subprocess.run(
        [sys.executable, "-m", "gaittake", command, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.decode(encoding).splitlines()) > 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "results/x.h5"), "the disk is full"),
        (OSError("Can't write (errno = 28, 'No space left on device')"), "the disk is full"),
        (RuntimeError("file write failed: No space left on device"), "the disk is full"),
        (OSError(30, "Read-only file system", "results"), "choose a writable location"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "x.csv: No such file"),
    ],
)
def test_faults_of_the_machine_are_one_line(error: Exception, said: str) -> None:
    found = explanation(error)
    assert found is not None
    assert said in found
    assert "\n" not in found


def test_what_may_not_be_read_is_not_answered_with_a_place_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = tmp_path / "data/001", tmp_path / "out"
    data.mkdir(parents=True)
    out.mkdir()
    closed = str(data)  # the account of the tests may be root, who may read everything
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != closed and not mode & os.W_OK)
    for path, said in (
        (data, "permission to read it"),
        (data / "nm-01/001.png", "permission to read it"),
        (out, "choose a writable location"),
        (out / "x.csv", "choose a writable location"),
    ):
        found = explanation(PermissionError(13, "Permission denied", str(path)))
        assert found is not None
        assert found.startswith(f"{path}: Permission denied; ")
        assert said in found


def test_faults_of_the_program_keep_their_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaittake.pipeline.job.load_settings", lambda *_: {}["typo"])
    with pytest.raises(KeyError):
        run("config", "tiny")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Preempted("progress is saved"), 143),
        (Preempted("progress is saved", code=130), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_a_stop_from_outside_has_its_own_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def stopped(*_: object) -> None:
        raise error

    monkeypatch.setattr("gaittake.pipeline.job.load_settings", stopped)
    found, said = run("config", "tiny")
    assert found == code
    assert "Traceback" not in said


def test_an_output_below_a_file_or_in_place_of_a_folder_is_one_line(run: Run) -> None:
    Path("walk").mkdir()
    Path("out.npz").mkdir()
    Path("file").write_text("x")
    assert_one_line(run("model", "embed", "walk", "--out", "out.npz"), "out.npz: a folder")
    assert_one_line(run("model", "enrol", "anna", "walk", "--gallery", "out.npz"), "out.npz: a f")
    below = run("model", "embed", "walk", "--out", "file/a.npz")
    assert_one_line(below, "file/a.npz: ", "/file is no folder; choose another location")


def test_an_output_in_a_folder_that_is_not_writable_is_known_before_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0)
    said = run("model", "embed", "nowhere", "--out", "new/a.npz")
    assert_one_line(said, "new/a.npz: no permission to write in ", "choose a writable location")


def test_a_failed_write_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory") as folder, whole_file(tmp_path / "folder"):
        pass
    line = f"{tmp_path / 'folder'}: Is a directory; the name of a file is required"
    assert explanation(folder.value) == line
    with pytest.raises(OSError, match="No such") as gone, whole_file(tmp_path / "a" / "b") as made:
        made.parent.rmdir()
    assert str(gone.value.filename) == str(tmp_path / "a" / "b")
