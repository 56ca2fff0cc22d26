"""What a distance means: its rank among the distances measured by `evaluate`. Pure functions."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

from pydantic import Field, model_validator

from gaittake.settings import Section, Share

AT_FALSE_ACCEPTS = 0.01


class Calibration(Section):
    """Distances between the test subjects' sequences, from `verification` in `metrics.json`.

    A pair is accepted as one person if its distance is at most the threshold.
    """

    pairs_same: int = Field(gt=0, description="pairs of sequences of one subject")
    pairs_different: int = Field(gt=0, description="pairs of sequences of two subjects")
    equal_error_rate: Share = Field(description="error rate where false accepts = false rejects")
    equal_error_threshold: float = Field(ge=0, description="distance at the equal error rate")
    threshold: float = Field(ge=0, description="largest distance with at most 1 % false accepts")
    true_accepts: Share = Field(description="share of same-person pairs accepted at the threshold")
    shares: tuple[Share, ...] = Field(min_length=2, description="of the quantiles, ascending")
    same: tuple[float, ...] = Field(description="quantiles of the same-person distances")
    different: tuple[float, ...] = Field(description="quantiles of the distances of two people")

    @model_validator(mode="after")
    def _quantiles_ascend(self) -> Self:
        for name in ("shares", "same", "different"):
            values = getattr(self, name)
            if len(values) != len(self.shares) or any(b < a for a, b in pairwise(values)):
                raise ValueError(f"{name}: {len(self.shares)} ascending numbers are required")
        return self

    @property
    def largest(self) -> float:
        """The distance that 99.9 % of the pairs of each kind do not exceed."""
        return max(self.same[-1], self.different[-1])

    def same_farther(self, distance: float) -> float:
        """Returns the share of same-person pairs at a larger distance."""
        return 1 - share_within(distance, self.same, self.shares)

    def different_nearer(self, distance: float) -> float:
        """Returns the share of pairs of two people at this distance or less: false accepts."""
        return share_within(distance, self.different, self.shares)

    def threshold_at(self, false_accepts: float) -> float:
        """Returns the largest distance with at most this share of false accepts.

        Raises:
            ValueError: the share is smaller than the smallest measured one, `shares[0]`.
        """
        if false_accepts < self.shares[0]:
            raise ValueError(f"a share of {self.shares[0]} or more is required: {false_accepts}")
        return _interpolated(false_accepts, self.shares, self.different)


def calibration_of(verification: Mapping[str, Any]) -> Calibration:
    """Returns the calibration from `verification` in `metrics.json`.

    Raises:
        KeyError: a value is missing.
    """
    point = verification["at_false_accepts"][str(AT_FALSE_ACCEPTS)]
    quantiles = verification["quantiles"]
    names = ("pairs_same", "pairs_different", "equal_error_rate", "equal_error_threshold")
    return Calibration(
        **{name: verification[name] for name in names},
        threshold=point["threshold"],
        true_accepts=point["true_accepts"],
        **{name: quantiles[name] for name in ("shares", "same", "different")},
    )


def share_within(distance: float, quantiles: tuple[float, ...], shares: tuple[float, ...]) -> float:
    """Returns the share of pairs at or below a distance, interpolated between quantiles.

    Below the first quantile and above the last, returns the share of that quantile: evaluation
    measured no finer shares.
    """
    after = bisect_right(quantiles, distance)
    if after in (0, len(quantiles)):
        return shares[0] if after == 0 else shares[-1]
    return _interpolated(distance, quantiles, shares)


def _interpolated(at: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Returns the value at a place, on the line between its neighbours among ascending places."""
    after = bisect_right(places, at)
    if after == len(places):
        return values[-1]
    along = (at - places[after - 1]) / (places[after] - places[after - 1])
    return values[after - 1] + along * (values[after] - values[after - 1])
