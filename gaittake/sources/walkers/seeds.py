"""Random generators: one per thing that is drawn, named by what it is, not by who came before."""

from zlib import crc32

import numpy as np

BODY, GAIT, LOOK, TAKE, FRAMES, STRANGER = range(6)


def generator(seed: int, purpose: int, *name: str | int) -> np.random.Generator:
    """Returns the generator of one thing: the same for the same seed, purpose and name, always.

    Purposes never share a stream; nor do the strangers that teach the detector and any subject.
    """
    key = [crc32(part.encode()) if isinstance(part, str) else part for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, purpose, *key])))
