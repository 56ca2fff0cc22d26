"""A tiny walkers dataset, run through the pipeline's stages, and a model exported from it."""

from pathlib import Path

import pytest
import torch

from gaittake.cli import data, pose, recognition
from gaittake.io.ragged import open_ragged, table_digest
from gaittake.io.tables import write_rejects
from gaittake.io.weights import save_weights
from gaittake.models import build_network
from gaittake.pipeline import plan
from gaittake.pipeline.job import Job
from gaittake.pose.detector import build_detector, save_detector
from gaittake.settings import canonical
from gaittake.use.model import Model, load
from tests.use.tiny import SETTINGS, export


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config/walkers.yaml and results/walkers; the networks are not trained."""
    folder = tmp_path_factory.mktemp("use")
    (folder / "config").mkdir()
    (folder / "config" / "walkers.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _run()
    return folder


def _run() -> None:
    job = Job("walkers", method="gaittake")
    detector = job.settings.pose.detector
    torch.manual_seed(0)
    Path("results/walkers/pose").mkdir(parents=True)
    save_detector(build_detector(detector), detector, job.path("pose/student.pt"))
    for shard in job.shards:
        data.render("walkers", shard, threads=1)
        data.index("walkers", shard)
        pose.predict("walkers", shard, threads=1)
        data.build("walkers", shard, threads=1)
    data.check("walkers")
    data.merge("walkers")
    stage = plan.train(job)
    with open_ragged(job.path("cache.h5"), kind="cache") as cache:
        table = cache.sequences
    digest = table_digest(table[table["subject"].isin(stage.subjects)])
    network = build_network(stage.network, height=64, width=44, **stage.model)
    made_by = {"settings": canonical(stage), "data_digest": digest}
    save_weights(
        network,
        job.path("{method}/weights.safetensors"),
        network=stage.network,
        settings=stage.model,
        made_by=made_by,
    )
    write_rejects([], job.path("rejects.csv"))
    for method in ("gaittake", "gei"):
        recognition.embed("walkers", method, threads=1)
        recognition.evaluate("walkers", method, threads=1)


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project folder, as the working directory."""
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="session")
def model_file(project: Path) -> Path:
    """The exported model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return export(project / "walkers.safetensors")


@pytest.fixture(scope="session")
def model(model_file: Path) -> Model:
    """The exported model, loaded."""
    return load(model_file)
