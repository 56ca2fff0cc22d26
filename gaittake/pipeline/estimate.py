"""Estimates how long a training takes on CPU cores."""

from gaittake.models import build_network
from gaittake.models.cost import network_cost
from gaittake.settings import Align, TrainStage

# Multiply-accumulates a second of one core, measured with the full GaitTAKE (benchmarks/rates.py).
CORE_RATE = 55e9
# A step computes each product once forward and twice backward.
PASSES = 3


def cpu_hours(stage: TrainStage, align: Align, *, cores: int) -> float:
    """Returns the hours that a training takes without a GPU, to a factor of about two.

    Args:
        stage: the training.
        align: the size of its silhouettes.
        cores: of the CPU.
    """
    train = stage.train
    cost = network_cost(
        lambda: build_network(stage.network, height=align.height, width=align.width, **stage.model),
        frames=train.frames,
        height=align.height,
        width=align.width,
    )
    sequences = train.subjects_per_batch * train.sequences_per_subject * train.steps
    work = PASSES * sequences * cost.multiply_accumulates
    return work / (CORE_RATE * cores) / 3600
