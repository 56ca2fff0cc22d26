"""What a model is and what a distance means, in plain words."""

from gaittake.use.calibration import Calibration
from gaittake.use.file import About, Origin

SYNTHETIC = (
    "SYNTHETIC: trained and measured on rendered people. On people that were filmed its error "
    "rates are not known, and its verdict is no evidence about anybody."
)


def origin_in_words(origin: Origin) -> str:
    """Returns what a model was trained on, in a line."""
    learnt = f"trained on {origin.training_subjects} people of {origin.trained_on}"
    if origin.trained_on != origin.dataset:
        learnt += f", measured on {origin.dataset}"
    if not origin.training_subjects:
        learnt = f"learns nothing, measured on {origin.dataset}"
    kind = f". {SYNTHETIC}" if origin.synthetic else ", people that were filmed"
    note = f" {origin.note}" if origin.note else ""
    return f"{origin.method}, {learnt}{kind}{note}"


def about_in_words(about: About, *, digest: str, package: str) -> str:
    """Returns what a model is, a line for each thing."""
    measured, origin = about.calibration, about.origin
    lines = [
        f"method      {origin.method} (network {about.network}), {_keypoints(about)}",
        f"origin      {origin_in_words(origin)}",
        f"embedding   {about.parts} × {about.embedding} numbers, distance '{about.distance}'",
        f"measured    {_pairs(measured)}",
        f"            equal error rate {_percent(measured.equal_error_rate)}",
        f"            at 1 % false accepts: threshold {measured.threshold:.4g}, "
        f"{_percent(measured.true_accepts)} of same-person pairs accepted",
        f"file        digest {digest}, written by gaittake {package}",
    ]
    return "\n".join(lines)


def comparison_in_words(distance: float, about: About) -> str:
    """Returns what a distance means, and what it does not."""
    measured = about.calibration
    accepted = distance <= measured.threshold
    verdict = "accepted as one person" if accepted else "NOT accepted as one person"
    lines = [
        f"distance {distance:.4g}",
        f"  {_share(measured.same_farther(distance))} of same-person pairs lie farther apart",
        f"  {_share(measured.different_nearer(distance))} of pairs of two people lie as near "
        "(false accepts at this distance)",
        f"  at 1 % false accepts (threshold {measured.threshold:.4g}): {verdict}",
        f"  of truly same-person pairs, {_percent(measured.true_accepts)} are accepted there",
        f"measured on {_pairs(measured)} of {about.origin.dataset}'s test people",
    ]
    if not about.same_view:
        lines.append("  in different views; walks in one view lie nearer, those of two people too")
    if about.origin.synthetic:
        lines += ["", "!" * 80, SYNTHETIC, "!" * 80]
    return "\n".join(lines)


def _keypoints(about: About) -> str:
    kinds = {
        "none": "uses no keypoints",
        "student": "keypoints by its own student",
        "truth": "keypoints must be given",
    }
    return kinds[about.keypoints]


def _pairs(measured: Calibration) -> str:
    return f"{measured.pairs_same:,} same-person pairs and {measured.pairs_different:,} other pairs"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _share(share: float) -> str:
    """Returns a share as percent; beyond the outermost quantiles nothing finer was measured."""
    if share <= 0.001:
        return "at most 0.1 %"
    return "at least 99.9 %" if share >= 0.999 else _percent(share)
