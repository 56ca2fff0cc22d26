"""A dataset of blobs and its page, shared by all tests of the report."""

from pathlib import Path

import pytest
import torch

from tests.report.made import make_dataset, make_page


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("blobs")
    make_dataset(folder)
    return folder


@pytest.fixture(scope="session")
def page(dataset: Path) -> Path:
    out = dataset / "blobs_report.html"
    make_page(dataset, out, methods=("gei", "gaittake"))
    return out
