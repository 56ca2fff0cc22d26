"""The section of the error rates: DET curves on scales of normal deviates, rates, groups."""

import re
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from gaittake.evaluation.probes import read_probes
from gaittake.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis
from gaittake.report.rates import LOWEST, MOST_FMR, MOST_FNMR, rates_section
from gaittake.report.runs import Run
from gaittake.settings import EmbedStage, Protocol
from tests.evaluation.plain import made_up
from tests.evaluation.test_protocols import evaluated

PEOPLE = [f"{n:03d}" for n in range(60)]
PROTOCOL = Protocol(gallery=("nm-01",), probes={"nm": ("nm-02",), "bg": ("bg-01",)}, partial=True)
SEXES = ["female" if n % 3 else "male" for n in range(58)] + ["rare", "rare"]


def made_run(folder: Path, method: str, spread: float) -> Run:
    """Returns a run on 60 people; the larger the spread of a person, the worse."""
    folder.mkdir()
    _, rows = made_up(PEOPLE, ["nm-01", "nm-02", "bg-01"], ["000", "045", "090"], lost=0)
    generator = np.random.default_rng(0)
    people = {name: generator.normal(size=(2, 3)) for name in PEOPLE}
    vectors = np.array([people[name] for name in rows["subject"]])
    vectors += generator.normal(0, spread, vectors.shape)
    groups = folder / "groups.csv"
    pd.DataFrame({"subject": PEOPLE, "sex": SEXES}).to_csv(groups, index=False)
    metrics = evaluated(folder, vectors.astype(np.float32), rows, PROTOCOL, groups=groups)
    stage = EmbedStage(network="gei", model={}, subjects=())
    probes = read_probes(folder / "probes.csv")
    return Run(method, metrics | {"method": method}, probes, None, folder, None, stage)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("rates")
    return [made_run(folder / name, name, spread) for name, spread in (("a", 0.2), ("b", 0.4))]


def test_a_det_curve_has_the_metrics_points_at_their_normal_deviates(runs: list[Run]) -> None:
    text = rates_section(runs)
    deviate = NormalDist().inv_cdf
    low = deviate(LOWEST)
    drawn = re.findall(r'<polyline points="([^"]+)"', text)
    assert len(drawn) == 4  # two conditions, two methods
    curve = runs[0].metrics["conditions"]["nm"]["error_rates"]["det"]
    pairs = list(zip(curve["fmr"], curve["fnmr"], strict=True))
    shown = [pair for pair in pairs if pair[1] > 0 and pair[0] < MOST_FMR]  # 0 has no deviate
    assert 3 < len(shown) < len(pairs)
    for point, pair in zip(drawn[0].split(), shown, strict=True):
        x, y = (
            (deviate(rate) - low) / (deviate(most) - low)
            for rate, most in zip(pair, (MOST_FMR, MOST_FNMR), strict=True)
        )
        across = LEFT + x * (WIDTH - LEFT - RIGHT)
        up = HEIGHT - BOTTOM - y * (HEIGHT - BOTTOM - TOP)
        assert [float(v) for v in point.split(",")] == pytest.approx([across, up], abs=0.06)


def test_the_scale_of_deviates_is_symmetric_about_one_half() -> None:
    axis = Axis("FMR", 0.01, 0.99, probit=True)
    assert axis.share(0.5) == pytest.approx(0.5)
    assert axis.share(0.1) == pytest.approx(1 - axis.share(0.9))
    assert [axis.share(rate) for rate in (0.0, 1.0)] == [0, 1]
    assert axis.text(0.001) == "0.1"


def test_the_section_has_rates_templates_and_groups_but_no_name_of_a_small_one(
    runs: list[Run],
) -> None:
    words = re.sub(r"(?:<[^>]+>\s*)+", "|", rates_section(runs))
    rates = runs[1].metrics["conditions"]["nm"]["error_rates"]["fnmr"]["0.01"]
    low, high = (f"{100 * end:.1f}" for end in rates["interval"])
    assert f"|nm|b|{100 * rates['fnmr']:.1f} [{low}, {high}]|" in words
    assert "|a|24|60|" in words  # bytes per template, sequences in a gallery
    assert "|nm|female|38|" in words  # 30 or more
    assert "|nm|male|20*|" in words
    assert "|nm|groups of fewer than 5|2*|–|" in words
    assert "rare" not in words


def test_metrics_of_an_earlier_version_have_no_rates(runs: list[Run]) -> None:
    conditions = {
        name: {key: value for key, value in numbers.items() if key not in ("error_rates", "groups")}
        for name, numbers in runs[0].metrics["conditions"].items()
    }
    old = {key: value for key, value in runs[0].metrics.items() if key != "search"}
    run = runs[0]._replace(metrics=old | {"conditions": conditions})
    assert "evaluate again" in rates_section([run])
