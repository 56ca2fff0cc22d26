"""Plain-text descriptions of a model, of a distance, and of short sequences."""

from gaittake.use.calibration import Calibration
from gaittake.use.model_file import About, Origin

SYNTHETIC = (
    "SYNTHETIC: trained and measured on rendered people. Its error rates on filmed people are "
    "unknown, and its results are no evidence about any person."
)


def describe_origin(origin: Origin) -> str:
    """Returns one line: what the model was trained on."""
    training = f"trained on {origin.training_subjects} people of {origin.trained_on}"
    if origin.trained_on != origin.dataset:
        training += f", measured on {origin.dataset}"
    if not origin.training_subjects:
        training = f"not trained (no weights to learn), measured on {origin.dataset}"
    kind = f". {SYNTHETIC}" if origin.synthetic else ", filmed people"
    note = f" {origin.note}" if origin.note else ""
    return f"{origin.method}, {training}{kind}{note}"


def describe_model(about: About, *, digest: str, package: str) -> str:
    """Returns a summary of a model, one line per property."""
    measured, origin = about.calibration, about.origin
    lines = [
        f"method      {origin.method} (network {about.network}), {_keypoints(about)}",
        f"origin      {describe_origin(origin)}",
        f"embedding   {about.parts} × {about.embedding} numbers, distance '{about.distance}'",
        f"measured    {_pairs(measured)}",
        f"            equal error rate {_percent(measured.equal_error_rate)}",
        f"            at 1 % false accepts: threshold {measured.threshold:.4g}, "
        f"{_percent(measured.true_accepts)} of same-person pairs accepted",
        f"file        digest {digest}, written by gaittake {package}",
    ]
    return "\n".join(lines)


def describe_comparison(distance: float, about: About) -> str:
    """Returns what a distance means, with the conditions of the measurement."""
    measured = about.calibration
    accepted = distance <= measured.threshold
    verdict = "accepted as one person" if accepted else "NOT accepted as one person"
    lines = [
        f"distance {distance:.4g}",
        f"  {_share(measured.same_farther(distance))} of same-person pairs have a larger distance",
        f"  {_share(measured.different_nearer(distance))} of pairs of two people have at most this "
        "distance (false accepts)",
        f"  at 1 % false accepts (threshold {measured.threshold:.4g}): {verdict}",
        f"  this threshold accepts {_percent(measured.true_accepts)} of same-person pairs",
        f"measured on {_pairs(measured)} of the test subjects of {about.origin.dataset}",
    ]
    if not about.same_view:
        lines.append(
            "  in different views; distances within one view are smaller, also for two people"
        )
    if about.origin.synthetic:
        lines += ["", "!" * 80, SYNTHETIC, "!" * 80]
    return "\n".join(lines)


def short_sequence(name: str, frames: int, about: About) -> str | None:
    """Returns a warning if a sequence has too few frames for a reliable embedding, else None.

    Args:
        name: of the sequence.
        frames: that show a person.
        about: of the model.
    """
    needed, clip = about.origin.reliable_frames, about.origin.training_frames
    if frames >= needed:
        return None
    reason = "a training clip" if needed == clip else "about one stride at 25 frames per second"
    return (
        f"{name}: only {frames} frames show a person, so the embedding is less reliable; use at "
        f"least {needed} ({reason})"
    )


def _keypoints(about: About) -> str:
    kinds = {
        "none": "uses no keypoints",
        "student": "its student predicts the keypoints",
        "truth": "requires keypoints from you",
    }
    return kinds[about.keypoints]


def _pairs(measured: Calibration) -> str:
    return f"{measured.pairs_same:,} same-person pairs and {measured.pairs_different:,} other pairs"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _share(share: float) -> str:
    """Returns a share in percent; beyond the outermost quantiles, a bound."""
    if share <= 0.001:
        return "at most 0.1 %"
    return "at least 99.9 %" if share >= 0.999 else _percent(share)
