"""Commands that show something, and settings that come as JSON."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from gaittake.cli import main
from gaittake.cli.settings_text import settings_text
from gaittake.io.ragged import RaggedWriter
from gaittake.plan import stage_settings
from gaittake.read_settings import load_settings
from gaittake.settings import Settings
from gaittake.stages import canonical
from tests.cli.conftest import Run, assert_one_line
from tests.conftest import write_cache

REPOSITORY = Path(__file__).parents[2]


def test_config_prints_yaml_that_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    for path in sorted((REPOSITORY / "config").glob("*.yaml")):
        settings = load_settings(path, ("train.learning_rate=0.00001",))
        text = settings_text(settings)
        assert Settings.model_validate(yaml.safe_load(text)) == settings
        assert "DIFFERS from the default 0.0001" in text
        assert "# P; PAPER 4.1" in text


def test_every_stage_gets_the_same_settings_from_json_and_from_the_yaml(run: Run) -> None:
    settings = load_settings(Path("config/tiny.yaml"))
    record = stage_settings(settings, "evaluate", method="gei")
    with RaggedWriter(
        Path("embeddings.h5"),
        kind="embeddings",
        arrays={"embeddings": ("float32", (2, 3))},
    ) as out:
        generator = np.random.default_rng(0)
        for subject in ("003", "004"):
            for condition, number in [("nm", n) for n in range(1, 7)] + [("bg", 1), ("cl", 2)]:
                for view in (36, 90):
                    vector = generator.random((1, 2, 3), dtype=np.float32)
                    out.append(
                        subject=subject,
                        condition=condition,
                        number=number,
                        view=view,
                        embeddings=vector,
                    )
    Path("rejects.csv").write_text("stage,path,reason\n")
    files = ("--embeddings", "embeddings.h5", "--rejects", "rejects.csv")
    given = ("--out", "given/metrics.json", "--table", "given/rank1.csv")
    assert run("evaluate", "tiny", "--settings", canonical(record), *files, *given)[0] == 0
    assert run("evaluate", "tiny", "--method", "gei", *files)[0] == 0
    by_hand = Path("results/tiny/gei/metrics.json")
    assert json.loads(by_hand.read_text()) == json.loads(Path("given/metrics.json").read_text())


def test_inspect_tells_what_is_inside_any_file(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cache(Path("some.h5"), subjects=4, walks=3)
    monkeypatch.setattr(sys, "argv", ["gaittake", "cache", "inspect", str(path)])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    for text in (
        "kind: cache",
        "schema: 1",
        "array silhouettes: uint8[120, 16, 8]",
        "array keypoints: float32[120, 17, 3]",
        "12 sequences of 4 subjects",
        "120 frames, 9 to 11 in a sequence",
        "by condition: nm 12",
        "by view: 90 12",
        "by subject: 001 3, 002 3, 003 3, 004 3",
    ):
        assert text in said
    path.write_bytes(b"no HDF5")
    assert_one_line(run("cache", "inspect", str(path)), "some.h5", "not a readable HDF5 file")


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_table_of_rendered_people_says_so(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, synthetic: bool
) -> None:
    metrics = Path("results/tiny/gei/metrics.json")
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"synthetic": synthetic, "note": "said beside it"}))
    row = {"dataset": "tiny", "method": "gei", "condition": "nm", "36": "12.50", "mean": "12.50"}
    pd.DataFrame([row]).to_csv("results/tiny_rank1.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["gaittake", "table", "results/tiny_rank1.csv"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    assert ("synthetic" in said) is synthetic
    assert "said beside it" in said
    assert "36°" in said
    assert "12.50" in said
    assert str(metrics) in said
