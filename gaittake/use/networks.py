"""The two networks of a model, whatever computes them: PyTorch or ONNX Runtime."""

from collections.abc import Callable
from typing import NamedTuple

from gaittake.arrays import Float32s
from gaittake.sequence import Reject
from gaittake.use.locate import Locate
from gaittake.use.network_input import NetworkInput

Embedding = Float32s  # [p, d]


class Networks(NamedTuple):
    """The networks of a model, ready to compute.

    Attributes:
        embed: returns the embedding `[p, d]` of a sequence.
        student: takes the list of rejects, returns what locates keypoints; None for a model without
            a student.
    """

    embed: Callable[[NetworkInput], Embedding]
    student: Callable[[list[Reject]], Locate] | None
