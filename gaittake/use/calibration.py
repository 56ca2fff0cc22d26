"""What a distance means: where it lies among the distances measured at evaluation. Pure."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from gaittake.settings import Section, Share

AT_FALSE_ACCEPTS = 0.01


class Calibration(Section):
    """Distances between the test people's walks, as `metrics.json` has them under `verification`.

    Pairs are accepted as one person at or below a threshold of their distance.
    """

    pairs_same: int = Field(gt=0, description="pairs of one person")
    pairs_different: int = Field(gt=0, description="pairs of two people")
    equal_error_rate: Share = Field(description="where false accepts equal false rejects")
    equal_error_threshold: float = Field(ge=0, description="distance there")
    threshold: float = Field(ge=0, description="the largest with at most 1 % false accepts")
    true_accepts: Share = Field(description="share of same-person pairs accepted at the threshold")
    shares: tuple[Share, ...] = Field(min_length=2, description="of the quantiles, ascending")
    same: tuple[float, ...] = Field(description="quantiles of the distances of one person")
    different: tuple[float, ...] = Field(description="quantiles of the distances of two people")

    @model_validator(mode="after")
    def _quantiles_ascend(self) -> Self:
        for name in ("shares", "same", "different"):
            values = getattr(self, name)
            if len(values) != len(self.shares) or any(np.diff(values) < 0):
                raise ValueError(f"{name}: {len(self.shares)} ascending numbers are needed")
        return self

    def same_farther(self, distance: float) -> float:
        """Returns the share of same-person pairs that lie farther apart."""
        return 1 - share_nearer(distance, self.same, self.shares)

    def different_nearer(self, distance: float) -> float:
        """Returns the share of pairs of two people that lie as near: the false accept rate."""
        return share_nearer(distance, self.different, self.shares)


def calibration_of(verification: Mapping[str, Any]) -> Calibration:
    """Returns the calibration in `verification` of a `metrics.json`.

    Raises:
        KeyError: a number is missing.
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


def share_nearer(distance: float, quantiles: tuple[float, ...], shares: tuple[float, ...]) -> float:
    """Returns the share of pairs at or below a distance, along straight lines between quantiles.

    Below the first quantile and above the last it is theirs: no finer number was measured.
    """
    after = int(np.searchsorted(quantiles, distance, side="right"))
    if after in (0, len(quantiles)):
        return shares[0] if after == 0 else shares[-1]
    low, high = quantiles[after - 1], quantiles[after]
    along = (distance - low) / (high - low)
    return shares[after - 1] + along * (shares[after] - shares[after - 1])
