"""Which pixels are the person in a shard's masks, judged by some frames of some sequences."""

import logging
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from gaittake.errors import UserError
from gaittake.io.frames import judge_masks
from gaittake.io.mask_faults import Fault
from gaittake.io.masks import USUAL, Rule, Verdict
from gaittake.sequence import ALIGNED, Reject, Sequence
from gaittake.sources import tree

logger = logging.getLogger(__name__)
# One in a hundred sequences of a shard is looked at, within these limits; of a small one, the most.
LEAST, MOST = 8, 16
SMALL = 100
ALIGNED_MASKS = "aligned silhouettes, 0 for the background and 255 for the person"
STRIDE = 37  # coprime to the numbers of views and sequences that datasets have


class _Judged(NamedTuple):
    sequence: Sequence
    verdict: Verdict


def with_masks(found: list[Sequence], masks: str, rejects: list[Reject]) -> list[Sequence]:
    """Returns the sequences with the rule by which their masks are read.

    Where the sequences that are looked at agree, their rule is that of all. Where they differ,
    every sequence is looked at; those that are not masks go to `rejects`. Sequences that are
    aligned already have no rule, and are looked at as well.

    Args:
        found: the shard's sequences.
        masks: the setting `source.masks`.
        rejects: receives sequences that are not masks.

    Raises:
        UserError: at least half of the sequences are not masks, or all images are uniform.
    """
    aligned = [row for row in found if row.masks == ALIGNED]
    refused = {
        row.silhouettes for row, verdict in _judge(aligned, ALIGNED, rejects) if verdict.fault
    }
    aligned = [row for row in aligned if row.silhouettes not in refused]
    found = [row for row in found if row.masks != ALIGNED]
    if not found:
        return aligned
    judged = _judge(found, masks, rejects)
    rules = _rules(judged)
    usual = rules.most_common(1)[0][0] if rules else USUAL[masks]
    logger.info("masks are read as %s", ", ".join(map(str, rules)) or usual)
    own = {row.silhouettes: verdict.rule for row, verdict in judged if verdict.rule}
    refused = {row.silhouettes for row, verdict in judged if verdict.fault}
    return aligned + [
        row._replace(masks=str(own.get(row.silhouettes, usual)))
        for row in found
        if row.silhouettes not in refused
    ]


def _judge(found: list[Sequence], masks: str, rejects: list[Reject]) -> list[_Judged]:
    """Returns the verdicts on some sequences, or on all where some are faults or rules differ.

    Args:
        found: sequences of one kind.
        masks: the setting `source.masks`, or `ALIGNED`.
        rejects: receives sequences that are not masks.

    Raises:
        UserError: at least half of them are not masks, or all images are uniform.
    """
    judged = [_Judged(row, judge_masks(row.silhouettes, masks)) for row in _sample(found)]
    rules, faults = _rules(judged), _faults(judged)
    if (faults and 2 * faults.total() < len(judged)) or len(rules) > 1:
        judged = [_Judged(row, judge_masks(row.silhouettes, masks)) for row in found]
        rules, faults = _rules(judged), _faults(judged)
    if faults and 2 * faults.total() >= rules.total() + faults.total():
        raise UserError(_message(judged, faults, masks))
    if len(judged) >= 3 and not rules:
        raise UserError(
            f"{judged[0].sequence.silhouettes}: not one of the frames looked at, in this and "
            f"{len(judged) - 1} more sequences, shows anything: each has one level "
            "only (empty masks, or 0 and 1 stored as JPEG); set source.silhouettes to masks"
        )
    rejects += [
        Reject(tree.STAGE, str(row.silhouettes), verdict.fault.reason)
        for row, verdict in judged
        if verdict.fault
    ]
    return judged


def _sample(found: list[Sequence]) -> list[Sequence]:
    """Returns some sequences, of subjects from first to last, of changing conditions and views."""
    count = MOST if len(found) <= SMALL else max(LEAST, min(MOST, len(found) // 100))
    if count >= len(found):
        return found
    ordered = sorted(found, key=lambda row: row.identity)
    edges = [len(found) * place // count for place in range(count + 1)]
    return [
        ordered[start + place * STRIDE % (stop - start)]
        for place, (start, stop) in enumerate(pairwise(edges))
    ]


def _rules(judged: list[_Judged]) -> Counter[Rule]:
    return Counter(verdict.rule for _, verdict in judged if verdict.rule)


def _faults(judged: list[_Judged]) -> Counter[str]:
    return Counter(verdict.fault.reason for _, verdict in judged if verdict.fault)


def _message(judged: list[_Judged], faults: Counter[str], masks: str) -> str:
    reason, count = faults.most_common(1)[0]
    examples: list[tuple[Sequence, Fault]] = [
        (row, verdict.fault) for row, verdict in judged if verdict.fault
    ]
    row, fault = next(item for item in examples if item[1].reason == reason)
    advice = fault.advice(masks="set source.masks:", colours="set source.silhouettes to the masks")
    if masks == ALIGNED:  # no setting reads them in another way
        advice = f"{fault.found}; set source.silhouettes to {ALIGNED_MASKS}"
    return (
        f"{row.silhouettes}: {advice} (docs/masks.md). The same holds for {count} of the "
        f"{len(judged)} sequences looked at"
    )
