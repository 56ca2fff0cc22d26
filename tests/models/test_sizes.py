"""The settings refuse those sizes that the networks refuse, and no others."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gaittake.models import build_network
from gaittake.settings import SECTIONS, SIZES
from gaittake.settings.sizes import DEMANDS, misfit

HEIGHTS, WIDTHS, SHRINKS = (
    (16, 17, 20, 22, 24, 33, 48, 64, 66, 72),
    (11, 16, 44),
    (1, 1, 2, 3, 8, 30),
)
WIDTHS_OF_MAPS = [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)]
PARTS = {"channels": [(2, 3, 4, 5)], "parts": [1, 2, 3, 4, 5, 6, 8, 16], "shrink": SHRINKS}
# Values of the settings that decide whether a network takes the silhouettes.
CHOICES: dict[str, dict[str, Any]] = {
    "gaitset": {
        "channels": [(2, 3, 4)],
        "bins": [(16, 8, 4, 2, 1), (8, 4, 2, 1), (4, 2), (1,), (3, 1), (5,), (6, 2)],
        "shrink": SHRINKS,
    },
    "gaitpart": {
        "channels": [(2, 4, 4), (2, 4, 4), (2, 4, 4), (2, 4)],
        "strips": [(1, 1, 1), (1, 2, 2), (1, 4, 8), (4, 1, 1), (3, 1, 1), (1, 2)],
        "parts": [1, 1, 2, 4, 3],
        "squeeze": [1, 2, 4, 4, 5],
        "shrink": SHRINKS,
    },
    "mt3d": {"channels": WIDTHS_OF_MAPS, "shrink": SHRINKS},
    "gaitgl": {
        "channels": WIDTHS_OF_MAPS,
        "strips": [1, 2, 3, 4, 8, 11],
        "head": ["v1", "iccv", "bnneck"],
        "stem_repeats": [1, 2],
        "repeats": [1, 2],
        "shrink": SHRINKS,
    },
    "gaitbase": PARTS,
    "deepgaitv2": PARTS | {"mode": ["2d", "3d", "p3d"]},
    "skeletongait_plus": PARTS | {"skeleton_maps": ["centred", "aligned"]},
    "energynet": {"channels": [2], "saturation": [0.0, 0.3], "gei_scale": [0.0, 0.1]},
    "gaittake": {
        "channels": WIDTHS_OF_MAPS,
        "strips": [1, 2, 3, 4, 8, 11],
        "silhouettes": [True, True, False],
        "keypoints": [True, True, False],
        "skeleton_maps": [False, False, True],
        "fusion": ["appended", "apart", "attention"],
        "temporal": ["attention", "max", "mean"],
        "attention_input": ["flat", "strips"],
        "lta": [False, True],
        "pose_channels": [0, 3],
        "shrink": SHRINKS,
    },
}


def settings_refuse(network: str, chosen: dict[str, Any], height: int, width: int) -> bool:
    try:
        model = SECTIONS[network].model_validate(chosen).model_dump()
    except ValidationError:
        return True
    return bool(misfit(network, model, height=height, width=width))


def network_refuses(network: str, chosen: dict[str, Any], height: int, width: int) -> bool:
    try:
        with torch.device("meta"):
            built = build_network(network, height=height, width=width, **chosen)
            built(torch.empty(2, 3, height, width), torch.empty(2, 3, 17, 3))
    except (ValueError, RuntimeError):
        return True
    return False


@pytest.mark.parametrize("network", DEMANDS)
def test_settings_refuse_what_the_network_refuses_and_nothing_else(network: str) -> None:
    generator = np.random.default_rng(1)
    draws = 12 if network == "skeletongait_plus" else 40  # drawing its maps takes seconds

    def one_of(values: Any) -> Any:
        return values[generator.integers(len(values))]

    outcomes = []
    for _ in range(draws):
        height, width = one_of(HEIGHTS), one_of(WIDTHS)
        chosen = {name: one_of(values) for name, values in CHOICES[network].items()}
        said = settings_refuse(network, chosen, height, width)
        assert said is network_refuses(network, chosen, height, width), (chosen, height, width)
        outcomes.append(said)
    assert min(outcomes.count(True), outcomes.count(False)) > 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("network", DEMANDS)
def test_every_size_that_the_project_knows_fits(network: str, size: Any) -> None:
    model = SECTIONS[network].model_validate(SIZES[size].get(network, {})).model_dump()
    assert misfit(network, model, height=64, width=44) == ""


@pytest.mark.parametrize(
    ("network", "model", "height", "message"),
    [
        ("gaittake", {"strips": 7}, 64, "model.strips is 7, which does not divide the 32 rows of "),
        ("gaitset", {"bins": (8, 3)}, 64, "is [8, 3], of which 3 does not divide the 16 rows of a"),
        ("gaitbase", {"parts": 5}, 64, "; use 1, 2, 4, 8, 16, or another align.height"),
        ("gaitgl", {"shrink": 3, "strips": 2}, 66, "(align.height 66, 22 after model.shrink 3)"),
        ("gaitgl", {"shrink": 2}, 66, "gaitgl requires a multiple of 2 rows: set it to 64 or 68"),
        (
            "gaitgl",
            {"shrink": 23},
            64,
            "leaves 2 x 1 pixels of silhouettes of 64 x 44; 2 x 2 or mo",
        ),
        ("energynet", {"saturation": 0.3, "gei_scale": 0.1}, 60, "set it to 56 or 64"),
    ],
)
def test_a_refusal_says_what_would_fit(
    network: str, model: dict[str, Any], height: int, message: str
) -> None:
    numbers = SECTIONS[network].model_validate(model).model_dump()
    assert message in misfit(network, numbers, height=height, width=44)
