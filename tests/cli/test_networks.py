"""The command that lists the networks."""

import pytest

from gaittake.cli import networks as command
from gaittake.cli.networks import DATASETS, Counts, count, counted_before, networks, rows


def test_models_are_listed_with_weights_work_and_papers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    networks()
    said = capsys.readouterr().out
    for text in ("3,096,673", "12.62", "62 × 256", "AAAI 2019", "10,944,353", "CASIA-B", "OU-MVLP"):
        assert text in said
    assert said.count("gaitpart") == 2
    assert all(len(line) <= 80 for line in said.splitlines())


def test_every_listed_network_has_the_numbers_that_are_counted_now() -> None:
    known = counted_before()
    assert len(known) > len(DATASETS) * 5
    for size in DATASETS:
        assert rows(size, known) == rows(size, {})


def test_only_a_network_without_a_count_in_the_file_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[str] = []

    def noted(network: str, numbers: dict[str, object]) -> Counts:
        counted.append(network)
        return count(network, numbers)

    monkeypatch.setattr(command, "count", noted)
    known = counted_before()
    expected = rows("oumvlp", known)
    assert counted == []
    lacking = {name: counts for name, counts in known.items() if not name.startswith("gaitset ")}
    assert rows("oumvlp", lacking) == expected
    assert counted == ["gaitset"]
