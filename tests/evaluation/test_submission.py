"""The answers for tests with secret labels, against plain loops."""

import math
from itertools import chain
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation import retrieval
from gaittake.evaluation.rerank import all_distances, nearest_reciprocal, reranked
from gaittake.evaluation.retrieval import nearest
from gaittake.evaluation.submission import write_submission
from gaittake.settings import Evaluate, EvaluateStage, Protocol
from tests.evaluation.plain import Embeddings, distance, made_up, write_embeddings
from tests.evaluation.test_field import preset

SUBJECTS = [f"{number:05d}" for number in range(1, 21)]


def people() -> tuple[Embeddings, pd.DataFrame]:
    """Returns two known walks of each subject, and unlabelled ones."""
    embeddings, table = made_up(SUBJECTS, ["01", "02", "03"], ["v"], lost=0.1)
    table["view"] = [f"video{row}" for row in range(len(table))]
    table.loc[table["type"] == "03", "subject"] = "probe"
    return embeddings, table


def answers(
    folder: Path, protocol: Protocol, embeddings: Embeddings, table: pd.DataFrame
) -> pd.DataFrame:
    write_embeddings(folder / "embeddings.h5", embeddings, table)
    settings = EvaluateStage(
        dataset="toy",
        method="gei",
        protocol=protocol,
        evaluate=Evaluate(),
        synthetic=False,
        subjects=tuple(sorted({*SUBJECTS, "probe", *table["subject"]})),
    )
    write_submission(settings, embeddings=folder / "embeddings.h5", out=folder / "answers.csv")
    return pd.read_csv(folder / "answers.csv", dtype=str)


def plain_nearest(embeddings: Embeddings, table: pd.DataFrame, row: int, k: int) -> list[int]:
    """Returns the rows of the k nearest known sequences."""
    known = [other for other in range(len(table)) if table["subject"][other] != "probe"]
    return sorted(known, key=lambda other: distance(embeddings[row], embeddings[other]))[:k]


def test_grews_answers_name_the_subjects_of_the_20_nearest_sequences(tmp_path: Path) -> None:
    embeddings, table = people()
    found = answers(tmp_path, preset("grew"), embeddings, table)
    assert list(found.columns) == ["videoId", *(f"rank{n}" for n in range(1, 21))]
    probes = [row for row in range(len(table)) if table["subject"][row] == "probe"]
    assert found["videoId"].tolist() == [table["view"][row] for row in probes]
    for row, (_, *named) in zip(probes, found.itertuples(index=False), strict=True):
        places = plain_nearest(embeddings, table, row, 20)
        assert named == [str(int(table["subject"][place])) for place in places]


def test_hids_answers_have_one_label_per_video(tmp_path: Path) -> None:
    embeddings, table = people()
    table["type"], table["view"] = table["view"].copy(), "default"
    submission = {"video": "type", "header": ["videoID", "label"]}
    found = answers(tmp_path, preset("hid", submission=submission), embeddings, table)
    assert list(found.columns) == ["videoID", "label"]
    for video, label in found.itertuples(index=False):
        (row,) = np.flatnonzero(table["type"] == video)
        (place,) = plain_nearest(embeddings, table, int(row), 1)
        assert label == table["subject"][place]  # with its leading zeros
    again = answers(tmp_path, preset("hid"), embeddings, table)
    assert again["videoID"].tolist() == found["videoID"].tolist()
    assert again["label"].isin(SUBJECTS).all()


def test_what_answers_need_is_said_in_one_line(tmp_path: Path) -> None:
    embeddings, table = people()
    with pytest.raises(UserError, match=r"toy has no protocol\.submission\.header"):
        answers(tmp_path, Protocol(), embeddings, table)
    known = table[table["subject"] != "probe"].reset_index(drop=True)
    with pytest.raises(UserError, match=r"0 sequences of 'probe' and .* of other subjects"):
        answers(tmp_path, preset("grew"), embeddings[known.index], known)
    few = pd.concat([known[:19], table[table["subject"] == "probe"]], ignore_index=True)
    with pytest.raises(UserError, match="and 19 of other subjects; at least 1 and 20 are required"):
        answers(tmp_path, preset("grew"), embeddings[few.index], few)
    named = table.assign(subject=table["subject"].replace("00001", "anna"))
    with pytest.raises(UserError, match="subject 'anna' is no number"):
        answers(tmp_path, preset("grew"), embeddings, named)


@pytest.mark.parametrize("size", [3, 64])
def test_the_nearest_are_exact_in_any_blocks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    people = generator.normal(0, 1, (40, 4, size)).astype(np.float32)
    gallery = people[generator.integers(0, 40, 400)] + generator.normal(
        0, 0.01, (400, 4, size)
    ).astype(np.float32)
    gallery[7] = gallery[300]  # equal distances: the first comes first
    probes = np.concatenate([people[:9], gallery[[7]]])
    expected = [
        sorted(range(400), key=lambda place: (distance(probe, gallery[place]), place))[:12]
        for probe in probes
    ]
    assert nearest(probes, gallery, 12).tolist() == expected
    assert expected[-1][:2] == [7, 300]
    monkeypatch.setattr(retrieval, "PROBES", 4)
    assert nearest(probes, gallery, 12).tolist() == expected


def plain_rerank(distances: list[list[float]], probes: int, k1: int, k2: int) -> list[list[float]]:
    """Returns the re-ranked distances by sets, as the paper's section 3 describes them."""
    count = len(distances)
    most = [max(distances[i][j] ** 2 for i in range(count)) for j in range(count)]
    d = [[distances[i][j] ** 2 / most[j] for i in range(count)] for j in range(count)]
    order = [sorted(range(count), key=lambda j, i=i: d[i][j]) for i in range(count)]

    def mutual(i: int, k: int) -> set[int]:
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    vectors = []
    for i in range(count):
        own = mutual(i, k1)
        sets = [mutual(j, round(k1 / 2)) for j in own]
        near = own | set(chain(*(s for s in sets if len(s & own) > 2 / 3 * len(s))))
        weights = {j: math.exp(-d[i][j]) for j in near}
        total = sum(weights.values())
        vectors.append([weights.get(j, 0.0) / total for j in range(count)])
    mean = [
        [fmean(vectors[j][g] for j in order[i][:k2]) for g in range(count)] for i in range(count)
    ]
    found = []
    for i in range(probes):
        row = []
        for j in range(probes, count):
            low = sum(min(a, b) for a, b in zip(mean[i], mean[j], strict=True))
            high = sum(max(a, b) for a, b in zip(mean[i], mean[j], strict=True))
            row.append(0.7 * (1 - low / high) + 0.3 * d[i][j])
        found.append(row)
    return found


@pytest.mark.parametrize(("k1", "k2"), [(6, 6), (4, 3), (6, 1)])
def test_reranking_equals_sets_of_neighbours(k1: int, k2: int) -> None:
    embeddings, _ = made_up([f"{n}" for n in range(12)], ["a", "b", "c"], ["v"], lost=0)
    embeddings += np.random.default_rng(5).normal(0, 0.01, embeddings.shape).astype(np.float32)
    exact = [[distance(one, other) for other in embeddings] for one in embeddings]
    found = all_distances(embeddings)
    assert np.abs(found - np.array(exact)).max() < 1e-5
    expected = plain_rerank(exact, 10, k1, k2)
    np.testing.assert_allclose(reranked(np.array(exact), 10, k1=k1, k2=k2), expected, atol=1e-6)
    places = nearest_reciprocal(embeddings[:10], embeddings[10:], 3)
    if (k1, k2) == (6, 6):
        assert places.tolist() == np.argsort(np.array(expected), axis=1)[:, :3].tolist()
