"""Time and memory of evaluating a test set of OU-MVLP's size.

    python benchmarks/evaluation.py                              4 of 14 views: 16 of 196 pairs
    python benchmarks/evaluation.py --views 14                   all: 20 minutes, 6.2 GiB
    python benchmarks/evaluation.py --kinds flat --people 2389    the hardest case

Synthetic embeddings `[n, 64, 256]`, the shape of the paper's network for OU-MVLP. `trained`: near a
common mean, with 99.9 % of the energy in 28 of 256 directions, like those of trained networks.
`flat`: independent normal numbers, the hardest case, in which all distances are nearly equal. The
reference is a loop over pairs of views with torch.cdist for each part and a sort of each row, for a
few of the pairs. Times are CPU seconds per pair of views, without reading the file. The error rates
with their intervals, also of two groups, are timed apart.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from gaittake.evaluation.acquisition import losses
from gaittake.evaluation.cross_view import Outcomes, cross_view
from gaittake.evaluation.distance import read_embeddings
from gaittake.evaluation.error_rates import error_rates
from gaittake.evaluation.grid import grid_of
from gaittake.evaluation.probes import probes_table
from gaittake.evaluation.roles import Roles, roles_of
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.sequence import type_of, view_at
from gaittake.settings import Protocol

PARTS, SIZE, DIRECTIONS = 64, 256, 64
UNMATCHED = 0.066
FAST = "use_mm_for_euclid_dist_if_necessary"
DIRECT = "donot_use_mm_for_euclid_dist"
LOOPS = {
    "float64": ("torch.cdist in float64", torch.float64, FAST, 1),
    "float32": ("torch.cdist in float32", torch.float32, FAST, 1),
    "direct": (
        "torch.cdist in float32, direct (1/16 of the probes)",
        torch.float32,
        DIRECT,
        16,
    ),
}
Ranks = npt.NDArray[np.int64]


def people(kind: str, subjects: int, views: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yields the embeddings of each subject: sequences 00 in all views, then sequences 01."""
    generator = np.random.default_rng(0)
    mean = generator.standard_normal((PARTS, SIZE), dtype=np.float32) * 4
    # Each part has different axes for the same person, [DIRECTIONS, parts * size].
    axes = np.linalg.qr(generator.standard_normal((PARTS, SIZE, DIRECTIONS)))[0]
    axes = (axes * np.exp(-np.arange(DIRECTIONS) / 8)).transpose(2, 0, 1)
    axes = axes.reshape(DIRECTIONS, -1).astype(np.float32)
    by_view = 0.2 * generator.standard_normal((views, DIRECTIONS))
    for _ in range(subjects):
        if kind == "flat":
            same = generator.standard_normal((PARTS, SIZE), dtype=np.float32)
            noise = generator.standard_normal((2 * views, PARTS, SIZE), dtype=np.float32)
            yield 0.3 * same + noise
            continue
        person = generator.standard_normal(DIRECTIONS) + np.tile(by_view, (2, 1))
        walks = person + 0.2 * generator.standard_normal((2 * views, DIRECTIONS))
        yield (walks.astype(np.float32) @ axes).reshape(-1, PARTS, SIZE) + mean


def write(path: Path, kind: str, subjects: int, views: int) -> None:
    """Writes the embeddings; some subjects have no gallery sequence in some views."""
    generator = np.random.default_rng(1)
    with RaggedWriter(
        path, kind="embeddings", arrays={"embeddings": ("float32", (PARTS, SIZE))}
    ) as out:
        for subject, rows in enumerate(people(kind, subjects, views)):
            for index, row in enumerate(rows):
                number, view = divmod(index, views)
                if number == 0 or generator.random() > UNMATCHED:
                    out.append(
                        (f"{subject:05d}", type_of("nm", number), view_at(15 * view)),
                        embeddings=row[None],
                    )


PROTOCOL = Protocol(gallery=("nm-01",), probes={"nm": ("nm-00",)})


def oumvlp_roles(sequences: pd.DataFrame) -> Roles:
    """Returns OU-MVLP's protocol: gallery 01, probes 00."""
    (roles,) = roles_of(PROTOCOL, sequences)
    return roles


def measured(path: Path) -> tuple[Ranks, float, float, float]:
    """Returns the rank of each probe's first match in each gallery, and CPU seconds of three kinds.

    They are those of the search, of reading the file, and of the error rates.
    """
    reading = 0.0
    with open_ragged(path, kind="embeddings") as opened:
        read = opened.read

        def timed(name: str, first: int = 0, count: int | None = None) -> npt.NDArray[np.float32]:
            nonlocal reading
            begun = time.process_time()
            rows = read(name, first, count)
            reading += time.process_time() - begun
            return rows

        opened.read = timed
        begun = time.process_time()
        roles = oumvlp_roles(opened.sequences)
        outcomes = cross_view(opened, roles)
        searched = time.process_time() - begun - reading
        begun = time.process_time()
        rates(outcomes, roles, opened.sequences)
        return outcomes.first_match, searched, reading, time.process_time() - begun


def rates(outcomes: Outcomes, roles: Roles, sequences: pd.DataFrame) -> dict[str, Any]:
    """Returns the error rates, by two groups of equal size as well."""
    people = outcomes.subjects
    groups = pd.DataFrame({"half": ["f", "m"] * len(people)}).head(len(people))
    return error_rates(
        outcomes,
        roles,
        grid_of(outcomes, roles, "nm"),
        losses(PROTOCOL, sequences, sequences.head(0), people)["nm"],
        "nm",
        ranks=probes_table(outcomes.probes, outcomes.first_match, roles, sequences),
        groups=groups.set_axis(people),
        same_view=False,
    )


def plain(path: Path, dtype: torch.dtype, mode: str, share: int, pairs: int) -> tuple[Ranks, float]:
    """Returns ranks by a plain loop, for one probe in `share`, and CPU seconds per pair of views.

    Ranks that are not computed are -1.
    """
    with open_ragged(path, kind="embeddings") as opened:
        sequences, roles = opened.sequences, oumvlp_roles(opened.sequences)
        subjects = torch.from_numpy(sequences["subject"].astype(int).to_numpy().copy())
        rows = np.flatnonzero(roles.conditions["nm"])
        found = np.full((len(rows), len(roles.cells)), -1)
        seconds = 0.0
        for probe_view, column in list(permutations(range(len(roles.cells)), 2))[:pairs]:
            chosen = np.flatnonzero(roles.probe_cell[rows] == roles.cells[probe_view])[::share]
            held = roles.gallery_of(roles.cells[column])
            x, y = (torch.from_numpy(read_embeddings(opened, s)) for s in (rows[chosen], held))
            same = subjects[rows[chosen]][:, None] == subjects[held]
            begun = time.process_time()
            found[chosen, column] = plain_pair(x.to(dtype), y.to(dtype), same, mode)
            seconds += time.process_time() - begun
    return found, seconds * share / pairs


def plain_pair(x: torch.Tensor, y: torch.Tensor, same: torch.Tensor, mode: str) -> Ranks:
    """Returns the rank of each probe's first match, 0 without a match, in the usual way."""
    total = torch.zeros(len(x), len(y), dtype=x.dtype)
    for part in range(PARTS):
        total += torch.cdist(x[:, part], y[:, part], compute_mode=mode)
    hits = same.gather(1, total.argsort(dim=1))
    return torch.where(hits.any(dim=1), hits.int().argmax(dim=1) + 1, 0).numpy()


def main() -> None:
    """Prints a table of times, ratios and different ranks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=4778)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=1, help="of views, for the plain loops")
    parser.add_argument("--kinds", nargs="+", default=["trained"])
    parser.add_argument("--plain", nargs="*", default=list(LOOPS), choices=LOOPS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{asked.people} people, {asked.views} views, [n, {PARTS}, {SIZE}], one thread")
    print(f"{'embeddings':<11}{'':<58}{'CPU s/pair':>12}{'x gaittake':>12}{'other ranks':>14}")
    for kind in asked.kinds:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "embeddings.h5")
            write(path, kind, asked.people, asked.views)
            ranks, seconds, reading, rating = measured(path)
            each = seconds / asked.views**2
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            said = f"gaittake: {seconds:.0f} s, reading {reading:.0f} s; "
            said += f"peak {peak:.2f} GiB; rank-1 {(ranks == 1).mean():.3f}"
            print(f"{kind:<11}{said:<58}{each:12.2f}", flush=True)
            print(f"{'':<11}error rates and intervals: {rating:.0f} s", flush=True)
            for name in asked.plain:
                said, *how = LOOPS[name]
                found, took = plain(path, *how, asked.pairs)
                other = f"{(found != ranks)[found >= 0].sum()} of {(found >= 0).sum()}"
                print(f"{kind:<11}{said:<58}{took:12.2f}{took / each:12.1f}{other:>14}", flush=True)


if __name__ == "__main__":
    main()
