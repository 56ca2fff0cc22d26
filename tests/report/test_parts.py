"""The content of the figures: keypoint scores, attention, matches, times, axes."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from jinja2 import UndefinedError
from markupsafe import Markup

from gaittake.data.store import load_store
from gaittake.io.ragged import open_ragged
from gaittake.models import build_network
from gaittake.models.attention import TemporalAttention
from gaittake.pipeline import plan
from gaittake.pipeline.job import Job
from gaittake.report.attention import frame_weights
from gaittake.report.chart import Axis, Line, heat_map, line_chart
from gaittake.report.html import Sorted, table, template
from gaittake.report.latex import TexCell, latex_table
from gaittake.report.matches import chosen_probes, gallery_distances
from gaittake.report.poses import scored_frames
from gaittake.report.provenance import provenance_section, stage_times
from gaittake.report.results import ranked, ranked_table
from gaittake.report.runs import Run, read_runs
from gaittake.settings import EmbedStage, ReportStage, Settings
from tests.jobs import stage_settings
from tests.report.made import MODEL, pose_files, settings


def test_text_is_escaped_and_markup_is_not() -> None:
    paragraph = template('<p class="{{ name }}">{{ text }}{{ bold }} {{ number }}</p>')
    made = paragraph(name='"x"', text="a < b & c", bold=Markup("<b>bold</b>"), number=1 / 3)
    assert made == '<p class="&#34;x&#34;">a &lt; b &amp; c<b>bold</b> 0.333333</p>'
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        paragraph(text="a value is missing")
    assert "&lt;i&gt;" in table(["<i>"], [[Markup("<b>1</b>")]], caption="none")
    assert 'data-sort="61.5">1 min</td>' in table(["a"], [[Sorted("1 min", 61.5)]], caption="none")
    assert "<b>1</b>" in table(["<i>"], [[Markup("<b>1</b>")]], caption="none")


def test_a_ranked_table_marks_the_best_and_the_second_and_never_chance() -> None:
    rows = pd.DataFrame(
        {
            "method": ["chance", "gei", "gaittake", "mt3d"],
            "condition": "nm",
            "000": ["99.00", "50.00", "70.00", ""],
            "mean": ["1.00", "60.00", "60.00", "50.00"],
        }
    )
    table = ranked(rows, {("gei", "nm"): " ± 1.0"})
    drawn = ranked_table(table, "a caption")
    lines = re.findall(r"<tr><td.*?</tr>", drawn, re.DOTALL)
    assert [re.findall(r'<span class="(\w+)">([\d.]+)', line) for line in lines] == [
        [],
        [("best", "60.00"), ("second", "50.00")],
        [("best", "60.00"), ("best", "70.00")],
        [("second", "50.00")],
    ]
    names = re.findall(r"<th[^>]*>([^<]+)</th>\s*<td", drawn)
    assert names == ["chance", "GEI", "GaitTAKE", "MT3D"]
    assert '60.00</span><span class="spread"> ± 1.0</span></td>' in lines[1]


def test_the_mean_is_the_first_number_and_a_condition_is_a_group_of_rows() -> None:
    rows = pd.DataFrame(
        {
            "method": ["gei", "gaittake"] * 2,
            "condition": ["nm", "nm", "cl", "cl"],
            "000": "50.00",
            "090": "60.00",
            "mean": "55.00",
        }
    )
    drawn = ranked_table(ranked(rows), "a caption")
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", drawn)
    assert heads == ["condition", "method", "mean", "0°", "90°"]
    bodies = re.findall(r"<tbody>.*?</tbody>", drawn, re.DOTALL)
    assert [body.count(">nm<") for body in bodies] == [2, 0]
    assert [body.count(">cl<") for body in bodies] == [0, 2]


def test_latex_prints_names_as_they_stand() -> None:
    cells = [TexCell("a_b & 50 % #1 {x} \\n$"), TexCell("97.5", "best", " ± 0.2 [96–98]")]
    made = latex_table(["method", "0°"], [[cells]], words=1, caption="100 %\nrank_1", label="tab:x")
    body = made.split("\\midrule\n")[1]
    assert body.splitlines()[0] == (
        r"a\_b \& 50 \% \#1 \{x\} \textbackslash{}n\$ & \textbf{97.5} $\pm$ 0.2 [96--98] \\"
    )
    assert r"\caption{100 \% rank\_1}" in made
    assert r"method & 0$^\circ$ \\" in made
    assert r"\begin{tabular}{lr}" in made
    unescaped = re.findall(r"(?<!\\)[%#_]", made.replace("% \\usepackage", "").replace("_", "_"))
    assert unescaped == []
    for start in ("table", "tabular"):
        assert made.count(f"\\begin{{{start}}}") == made.count(f"\\end{{{start}}}") == 1


def test_frames_are_ranked_by_oks_against_the_truth_worst_first(dataset: Path) -> None:
    files = pose_files(dataset)
    found = scored_frames(settings(), files)
    assert [frame.number for frame in found] == [6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert found[-1].oks == pytest.approx(1)
    assert found[0].teacher is not None
    assert scored_frames(settings(held_out=("001",)), files) == []


def test_without_truth_the_teacher_is_the_reference(dataset: Path) -> None:
    found = scored_frames(settings(), pose_files(dataset)._replace(truth=()))
    assert found[-1].oks < 1  # the teacher has a small error, the student's best frame has none
    assert found[-1].truth is None


def test_frame_weights_are_those_of_the_network(dataset: Path) -> None:
    torch.manual_seed(0)
    store = load_store(dataset / "cache.h5", ["003"], torch.device("cpu"))
    network = build_network("gaittake", height=16, width=8, **MODEL.model_dump()).eval()
    found = frame_weights(network, store, 0)
    assert set(found) == {"appearance", "pose"}
    for name, weights in found.items():
        assert weights.sum() == pytest.approx(1, abs=1e-6), name
        assert (weights[:4] > 0).all()
        assert (weights[4:] == 0).all()  # six frames have one complete clip of four
    attention = network.branches["pose"].pool.weights
    assert isinstance(attention, TemporalAttention)
    direct = attention(store.keypoints[:6].flatten(1)[None], torch.tensor([6]))
    assert found["pose"][:4] == pytest.approx(direct.flatten().tolist(), abs=1e-6)
    assert not attention._forward_hooks


def test_after_temporal_aggregation_a_weight_is_divided_among_its_frames(
    dataset: Path,
) -> None:
    store = load_store(dataset / "cache.h5", ["003"], torch.device("cpu"))
    model = MODEL.model_dump() | {"lta": True, "clip_length": 2}
    torch.manual_seed(1)
    network = build_network("gaittake", height=16, width=8, **model).eval()
    attention = network.branches["appearance"].pool.weights
    for parameter in attention.parameters():  # so that the weights differ
        torch.nn.init.normal_(parameter)
    weights = frame_weights(network, store, 0)["appearance"]
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    assert weights[0] == weights[1] == weights[2] != weights[3] == weights[4] == weights[5]


def test_failures_come_first_and_are_of_different_subjects(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    ranks = {"003": 4, "004": 1, "005": 2, "006": 3, "007": 2}
    rows = [("nm", subject, "nm-05", "000", "000", 1, rank) for subject, rank in ranks.items()]
    rows += [("nm", "004", "nm-05", "090", "090", 0, 1)]
    columns = ["condition", "subject", "type", "view", "cell", "000", "090"]
    rows[0], rows[2] = rows[2], rows[0]
    run = run._replace(probes=pd.DataFrame(rows, columns=columns))
    found = chosen_probes(settings(), run, "nm")
    ranked = [("003", 4), ("006", 3), ("005", 2), ("004", 1)]
    assert [(item.subject, item.rank) for item in found] == ranked
    assert all(item.cell != item.view for item in found)


def test_the_distances_agree_with_the_ranks_of_the_evaluation(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    with open_ragged(run.embeddings, kind="embeddings") as opened:
        rows = opened.sequences
        for item in chosen_probes(settings(), run, "nm"):
            in_gallery = rows["type"].eq("nm-01")
            gallery = np.flatnonzero(in_gallery & rows["view"].eq(item.cell))
            is_probe = rows["subject"].eq(item.subject) & rows["type"].eq("nm-05")
            probe = np.flatnonzero(is_probe & rows["view"].eq(item.view))
            order = gallery_distances(opened, probe, gallery, kind="parts").argsort(kind="stable")
            nearest = list(rows["subject"].iloc[gallery[order]])
            assert nearest.index(item.subject) + 1 == item.rank


def test_ticks_are_round_and_on_the_axis() -> None:
    assert Axis("", 0, 100).ticks() == [0, 25, 50, 75, 100]
    assert Axis("", 1, 20).ticks() == [5, 10, 15, 20]
    assert Axis("", 1e-4, 1, log=True).ticks() == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])
    assert Axis("", 1e-4, 1, log=True).share(1e-2) == pytest.approx(0.5)
    assert Axis("", 3, 3).share(3) == 0


def test_charts_have_an_alternative_text() -> None:
    line = Line("GEI & more", [1, 2], [50, 100], 0, ([40, 90], [60, 100]))
    drawn = line_chart("title", [line], Axis("rank", 1, 2), Axis("found, %", 0, 100))
    assert "GEI &amp; more from 50 to 100" in drawn
    assert drawn.count("<polyline") == drawn.count("<polygon") == 1
    cells = {("000", "000"): None, ("000", "090"): 0.25, ("090", "000"): 1.0}
    drawn = heat_map("nm", ["000", "090"], cells)
    assert "highest 100 % at probe 90°, gallery 0°; lowest 25 % at probe 0°, gallery 90°" in drawn
    assert drawn.count("<rect") == 4
    assert "no value" in heat_map("nm", ["000"], {})


def test_times_are_summed_by_stage(tmp_path: Path) -> None:
    for name, seconds in (("cache/a", 2.0), ("cache/b", 3.0), ("merge", 1.0)):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t{10 * seconds}\n")
    (tmp_path / "report.tsv").write_text("s\tmax_rss\n9.0\t9\n")  # of the previous page
    (tmp_path / "odd.tsv").write_text("s\tmax_rss\n0.1\tNA\n")
    found = stage_times(tmp_path)
    assert found.iloc[0].to_list() == ["cache", 2, 5.0, 30.0]
    assert list(found["stage"]) == ["cache", "merge", "odd"]
    assert stage_times(tmp_path / "none").empty


def run_on(processor: str, name: str) -> Run:
    environment = {"processor": processor, "torch": "2.14.1"}
    provenance = {"environment": environment, "data_digest": "abc", "training": "none"}
    metrics = {"method": "gei", "seed": 0, "provenance": provenance}
    return Run(name, metrics, pd.DataFrame(), None, Path(), None, EmbedStage.model_construct())


def test_what_all_runs_have_in_common_stands_once(tmp_path: Path) -> None:
    made = provenance_section(settings(), [run_on("a", "one"), run_on("b", "two")], tmp_path)
    assert made.count("2.14.1") == 1
    runs = re.findall(r"<th[^>]*>(.*?)</th>", made)
    assert "processor" in runs
    assert "PyTorch" not in runs
    alike = provenance_section(settings(), [run_on("a", "one"), run_on("a", "two")], tmp_path)
    assert "processor" not in re.findall(r"<th[^>]*>(.*?)</th>", alike)


def test_the_stage_lists_the_settings_that_are_not_defaults() -> None:
    usual = Settings(dataset="own", note="a note")
    record = stage_settings(usual, "report")
    assert isinstance(record, ReportStage)
    assert record.changed == {}
    assert record.protocol.gallery == ("nm-01..nm-04",)
    assert not record.synthetic
    other = Settings.model_validate(
        {"dataset": "own", "train": {"steps": 7}, "methods": {"x": {"network": "gei"}}}
    )
    changed = stage_settings(other, "report").model_dump()["changed"]
    assert changed["train.steps"] == "7"
    assert changed["methods.x.network"] == '"gei"'
    assert not set(record.held_out) & set(record.test_subjects)


def test_the_stage_knows_whether_the_student_learnt_from_rendered_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    videos = "source: {silhouettes: masks, videos: [films]}\n"
    configs = {
        "rendered": "source: {layout: walkers}\n",
        "filmed": videos,
        "taught": videos + "pose: {teacher_weights: walkers, detector: {backbone: small}}\n",
        "silent": videos
        + "pose: {keypoints: none, teacher_weights: walkers}\nmethods: {gei: {network: gei}}\n",
        "from_rendered": videos + "pose: {student_from: rendered}\n",
        "from_filmed": videos + "pose: {student_from: filmed}\n",
        "from_taught": videos + "pose: {student_from: taught}\n",
    }
    for name, text in configs.items():
        (tmp_path / f"config/{name}.yaml").write_text(text)
    found = {name: plan.report(Job(name)).rendered_student for name in configs}
    teacher = "the labels of a teacher trained on rendered people"
    assert {name: student for name, student in found.items() if student} == {
        "taught": teacher,
        "from_rendered": "rendered",
        "from_taught": teacher,
    }


def test_the_title_of_a_run_is_the_methods_name_and_its_seed(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    assert run.title == "GaitTAKE"
    assert run._replace(name="gaittake-seed1").title == "GaitTAKE, seed 1"
