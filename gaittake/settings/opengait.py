"""The settings of the networks whose weights OpenGait published, by network and dataset.

Each differs from the network's defaults as shown. Datasets that are not listed have the size of
one that is: CCPG and SUSTech1K that of `casiab`; CASIA-E, for GaitSet and GaitPart, of `oumvlp`.
"""

from typing import Any

_DEEPER = {"blocks": (1, 4, 4, 1)}
_WIDE_GAITSET = {"channels": (64, 128, 256)}
_WIDE_GAITPART = {"channels": (32, 64, 128, 256), "strips": (1, 1, 8, 8), "embedding": 256}
_WIDE_GAITGL = {
    "channels": (32, 64, 128, 256),
    "strips": 2,
    "embedding": 256,
    "head": "iccv",
    "stem_repeats": 2,
    "repeats": 2,
}


def _sizes(small: dict[str, Any], wide: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"casiab": small, "gait3d": small, "oumvlp": wide, "grew": wide}


def _depths(deeper: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"casiab": {}, "oumvlp": {}, "gait3d": deeper, "grew": deeper}


OPENGAIT: dict[str, dict[str, dict[str, Any]]] = {
    "gaitset": _sizes({}, _WIDE_GAITSET),
    "gaitpart": _sizes({}, _WIDE_GAITPART),
    "gaitgl": _sizes({"head": "iccv"}, _WIDE_GAITGL),
    "gaitbase": _depths({}),
    "deepgaitv2": _depths(_DEEPER),
    "skeletongait_plus": _depths(_DEEPER),
}
