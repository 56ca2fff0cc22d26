"""What stands behind the page's figures: scores, shares, matches, times, axes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.data.store import load_store
from gaittake.io.ragged import open_ragged
from gaittake.models import build_network
from gaittake.models.attention import TemporalAttention
from gaittake.pose.score import Pairs, oks
from gaittake.report.attention import shares
from gaittake.report.chart import Axis, Line, heat_map, line_chart
from gaittake.report.html import Markup, table, tag
from gaittake.report.matches import chosen, search
from gaittake.report.origin import stage_times
from gaittake.report.poses import ranked_frames, similarity
from gaittake.report.runs import read_runs
from gaittake.settings import ReportStage, Settings
from tests.jobs import stage_settings
from tests.report.made import MODEL, pose_files, settings

RANDOM = np.random.default_rng(1)


def test_text_is_escaped_and_markup_is_kept() -> None:
    made = tag("p", "a < b & c", tag("b", "bold"), class_="x", data_name='"quoted"')
    assert made == '<p class="x" data-name="&quot;quoted&quot;">a &lt; b &amp; c<b>bold</b></p>'
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert "&lt;i&gt;" in table(["<i>"], [[Markup("<b>1</b>")]], caption="none")
    assert "<b>1</b>" in table(["<i>"], [[Markup("<b>1</b>")]], caption="none")


def test_similarity_is_cocos() -> None:
    reference = RANDOM.uniform(20, 90, (5, 17, 2)).astype(np.float32)
    predicted = reference + RANDOM.normal(0, 4, reference.shape).astype(np.float32)
    visible = RANDOM.random((5, 17)) > 0.3
    boxes = np.tile(np.float32([15, 10, 60, 100]), (5, 1))
    sure = np.ones((5, 17, 1), np.float32)
    own = similarity(predicted, reference, visible.astype(np.float32), boxes)
    for row in range(5):
        one = slice(row, row + 1)
        pairs = Pairs(
            np.concatenate([predicted, sure], axis=-1)[one],
            reference[one],
            visible[one],
            boxes[one],
            np.array(["nm"]),
            np.array([90]),
        )
        assert own[row] == pytest.approx(oks(pairs)["mean"], abs=1e-6)


def test_a_frame_without_a_visible_joint_has_no_similarity() -> None:
    joints, boxes = np.zeros((1, 17, 2), np.float32), np.float32([[0, 0, 9, 20]])
    assert np.isnan(similarity(joints, joints, np.zeros((1, 17), np.float32), boxes)).all()


def test_frames_are_ranked_worst_first_against_exact_joints(dataset: Path) -> None:
    files = pose_files(dataset)
    found = ranked_frames(settings(), files)
    assert [frame.number for frame in found] == [6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert found[-1].oks == pytest.approx(1)
    assert found[0].teacher is not None
    assert ranked_frames(settings(held_out=("001",)), files) == []


def test_without_truth_the_teacher_is_the_reference(dataset: Path) -> None:
    found = ranked_frames(settings(), pose_files(dataset)._replace(truth=()))
    assert found[-1].oks < 1  # the teacher is a little off, the student's best frame is not
    assert found[-1].truth is None


def test_shares_are_what_the_network_weighs_its_frames_with(dataset: Path) -> None:
    torch.manual_seed(0)
    store = load_store(dataset / "cache.h5", ["003"], torch.device("cpu"))
    network = build_network("gaittake", height=16, width=8, **MODEL.model_dump()).eval()
    found = shares(network, store, 0)
    assert set(found) == {"appearance", "pose"}
    for name, share in found.items():
        assert share.sum() == pytest.approx(1, abs=1e-6), name
        assert (share[:4] > 0).all()
        assert (share[4:] == 0).all()  # six frames hold one clip of four
    attention = network.branches["pose"].pool.weights
    assert isinstance(attention, TemporalAttention)
    direct = attention(store.keypoints[:6].flatten(1)[None], torch.tensor([6]))
    assert found["pose"][:4] == pytest.approx(direct.flatten().tolist(), abs=1e-6)
    assert not attention._forward_hooks


def test_after_local_temporal_aggregation_a_share_is_spread_over_its_frames(dataset: Path) -> None:
    store = load_store(dataset / "cache.h5", ["003"], torch.device("cpu"))
    model = MODEL.model_dump() | {"lta": True, "clip_length": 2}
    torch.manual_seed(0)
    network = build_network("gaittake", height=16, width=8, **model).eval()
    attention = network.branches["appearance"].pool.weights
    for weights in attention.parameters():  # so that frames differ
        torch.nn.init.normal_(weights)
    share = shares(network, store, 0)["appearance"]
    assert share.sum() == pytest.approx(1, abs=1e-6)
    assert share[0] == share[1] == share[2] != share[3] == share[4] == share[5]


def test_failures_come_first_and_each_is_somebody_else(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    ranks = {"003": 4, "004": 1, "005": 2, "006": 3, "007": 2}
    rows = [("nm", who, "nm-05", 0, 1, rank) for who, rank in ranks.items()]
    rows += [("nm", "004", "nm-05", 90, 0, 1)]
    columns = ["condition", "subject", "walk", "view", "0", "90"]
    rows[0], rows[2] = rows[2], rows[0]
    run = run._replace(probes=pd.DataFrame(rows, columns=columns))
    found = chosen(settings(), run, "nm")
    ranked = [("003", 4), ("006", 3), ("005", 2), ("004", 1)]
    assert [(item.subject, item.rank) for item in found] == ranked
    assert all(item.gallery_view != item.view for item in found)


def test_the_distances_shown_have_the_ranks_that_were_evaluated(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    with open_ragged(run.embeddings, kind="embeddings") as opened:
        rows = opened.sequences
        for item in chosen(settings(), run, "nm"):
            held = rows["condition"].eq("nm") & rows["number"].eq(1)
            gallery = np.flatnonzero(held & rows["view"].eq(item.gallery_view))
            own = rows["subject"].eq(item.subject) & rows["number"].eq(5)
            probe = np.flatnonzero(own & rows["view"].eq(item.view))
            order = search(opened, probe, gallery, kind="parts").argsort(kind="stable")
            nearest = list(rows["subject"].iloc[gallery[order]])
            assert nearest.index(item.subject) + 1 == item.rank


def test_ticks_are_round_and_inside_the_axis() -> None:
    assert Axis("", 0, 100).ticks() == [0, 25, 50, 75, 100]
    assert Axis("", 1, 20).ticks() == [5, 10, 15, 20]
    assert Axis("", 1e-4, 1, log=True).ticks() == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])
    assert Axis("", 1e-4, 1, log=True).share(1e-2) == pytest.approx(0.5)
    assert Axis("", 3, 3).share(3) == 0


def test_charts_say_in_words_what_they_show() -> None:
    line = Line("GEI & more", [1, 2], [50, 100], 0, ([40, 90], [60, 100]))
    drawn = line_chart("title", [line], Axis("rank", 1, 2), Axis("found, %", 0, 100))
    assert "GEI &amp; more from 50 to 100" in drawn
    assert drawn.count("<polyline") == drawn.count("<polygon") == 1
    cells = {(0, 0): None, (0, 90): 0.25, (90, 0): 1.0}
    drawn = heat_map("nm", [0, 90], cells)
    assert "highest 100 % at probe 90°, gallery 0°; lowest 25 % at probe 0°, gallery 90°" in drawn
    assert drawn.count("<rect") == 4
    assert "no value" in heat_map("nm", [0], {})


def test_times_are_summed_by_stage(tmp_path: Path) -> None:
    for name, seconds in (("cache/a", 2.0), ("cache/b", 3.0), ("merge", 1.0)):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t{10 * seconds}\n")
    (tmp_path / "report.tsv").write_text("s\tmax_rss\n9.0\t9\n")  # of the page before
    (tmp_path / "odd.tsv").write_text("s\tmax_rss\n0.1\tNA\n")
    found = stage_times(tmp_path)
    assert found.iloc[0].to_list() == ["cache", 2, 5.0, 30.0]
    assert list(found["stage"]) == ["cache", "merge", "odd"]
    assert stage_times(tmp_path / "none").empty


def test_the_stage_knows_the_settings_that_differ_from_the_defaults() -> None:
    usual = Settings(dataset="own", note="a note")
    record = stage_settings(usual, "report")
    assert isinstance(record, ReportStage)
    assert record.changed == {}
    assert record.gallery == ("nm-01", "nm-02", "nm-03", "nm-04")
    assert not record.synthetic
    other = Settings.model_validate(
        {"dataset": "own", "train": {"steps": 7}, "methods": {"x": {"network": "gei"}}}
    )
    changed = stage_settings(other, "report").model_dump()["changed"]
    assert changed["train.steps"] == "7"
    assert changed["methods.x.network"] == '"gei"'
    assert not set(record.held_out) & set(record.test_subjects)


def test_a_runs_name_is_written_as_people_say_it(dataset: Path) -> None:
    (run,) = read_runs([dataset / "gaittake"])
    assert run.title == "GaitTAKE"
    assert run._replace(name="gaittake-seed1").title == "GaitTAKE, seed 1"
