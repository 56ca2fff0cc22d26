"""The examples of docs/model.md run in order."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.use.tiny import command, film, sequence, write_images, write_video

PAGE = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_example_runs(
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("config", "results"):
        (tmp_path / name).symlink_to(here / name)
    for name, kind in (("anna-monday", "nm-01"), ("anna-tuesday", "nm-02")):
        shutil.copytree(here / sequence("003", kind, "036"), tmp_path / name)
    standing, scene = film(across=0.0, frames=8)
    write_video(standing.colour, tmp_path / "corridor.avi")
    write_images(scene[None], tmp_path / "corridor-empty")
    write_video(film(across=3.2)[0].colour, tmp_path / "crossing.avi")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for language, text in BLOCKS:
        if language == "sh":
            for line in text.splitlines():
                program, group, *arguments = shlex.split(line)
                assert (program, group) == ("gaittake", "model")
                command(*arguments)
        elif language == "python":
            exec(compile(text, "docs/model.md", "exec"), names)
    printed = capsys.readouterr().out
    languages = [language for language, _ in BLOCKS]
    assert set(languages) == {"sh", "python", "text"}
    assert languages.count("python") >= 4
    with np.load("people.npz") as people:
        assert set(people.files) == {"names", "embeddings", "frames", "dropped", "model"}
        assert np.abs(people["embeddings"][0] - names["monday"]).max() < 1e-4
    assert Path("corridor.npz").is_file()
    assert Path("crossing.npz").is_file()
    # The page quotes these lines.
    assert "trained on rendered people: no evidence about any person" in printed
    assert "silhouettes: none of 30 frames shows a person" in printed
