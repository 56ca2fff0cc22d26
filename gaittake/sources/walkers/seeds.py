"""Random generators, one for each thing drawn, independent of the order of drawing."""

from zlib import crc32

import numpy as np

BODY, GAIT, LOOK, TAKE, FRAMES, STRANGER = range(6)


def generator(seed: int, purpose: int, *name: str | int) -> np.random.Generator:
    """Returns a generator that depends only on seed, purpose and name.

    Purposes never share a stream: the strangers that train the detector differ from all subjects.
    """
    key = [crc32(part.encode()) if isinstance(part, str) else part for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, purpose, *key])))
