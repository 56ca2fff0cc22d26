"""The command that lists the networks."""

import pytest

from gaittake.cli.networks import networks


def test_models_are_listed_with_weights_work_and_papers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    networks()
    said = capsys.readouterr().out
    for text in ("3,096,673", "12.62", "62 × 256", "AAAI 2019", "10,944,353", "CASIA-B", "OU-MVLP"):
        assert text in said
    assert said.count("gaitpart") == 2
    assert all(len(line) <= 80 for line in said.splitlines())
