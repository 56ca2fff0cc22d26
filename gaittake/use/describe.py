"""Plain-text descriptions of a model, of a distance, and of short sequences."""

from collections import Counter
from typing import TYPE_CHECKING

from gaittake.use.about import About, Origin
from gaittake.use.calibration import Calibration
from gaittake.use.model_file import Header

if TYPE_CHECKING:
    from gaittake.use.identify import Identification

SHOWN = 5  # nearest people of a search
UNKNOWN = (
    "Its error rates on filmed people are unknown, and its results are no evidence about any "
    "person."
)


def describe_origin(origin: Origin) -> str:
    """Returns one line: what the model was trained on."""
    training = f"trained on {origin.training_subjects} people of {origin.trained_on}"
    if origin.trained_on != origin.dataset:
        training += f", measured on {origin.dataset}"
    if not origin.training_subjects and origin.training != "none":
        training = f"weights of {origin.trained_on}, measured on {origin.dataset}"
    elif not origin.training_subjects:
        training = f"not trained (no weights to learn), measured on {origin.dataset}"
    kind = "" if origin.synthetic else ", filmed people"
    if synthetic := describe_synthetic(origin):
        kind += f". {synthetic}"
    note = f" {origin.note}" if origin.note else ""
    return f"{origin.method}, {training}{kind}{note}"


def describe_synthetic(origin: Origin) -> str:
    """Returns which of training and measurement had rendered people; an empty text if none had."""
    if origin.synthetic:
        both = "trained and measured" if origin.trained_synthetic else "measured"
        return f"SYNTHETIC: {both} on rendered people. {UNKNOWN}"
    return "SYNTHETIC: trained on rendered people." if origin.trained_synthetic else ""


def describe_model(header: Header) -> str:
    """Returns a summary of a model, one line per property."""
    about = header.about
    measured, origin = about.calibration, about.origin
    lines = [
        f"method      {origin.method} (network {about.network}), {_keypoints(about)}",
        f"origin      {describe_origin(origin)}",
        f"recordings  {_rate(about)}",
        f"embedding   {about.parts} × {about.embedding} numbers, distance '{about.distance}'",
        f"measured    {_pairs(measured)}",
        f"            equal error rate {_percent(measured.equal_error_rate)}",
        f"            at 1 % false accepts: threshold {measured.threshold:.4g}, "
        f"{_percent(measured.true_accepts)} of same-person pairs accepted",
        f"file        digest {header.digest}, written by gaittake {header.package}",
    ]
    return "\n".join(lines)


def describe_comparison(distance: float, about: About) -> str:
    """Returns what a distance means, with the conditions of the measurement."""
    measured = about.calibration
    accepted = distance <= measured.threshold
    verdict = "accepted as one person" if accepted else "NOT accepted as one person"
    if distance > measured.largest:
        return "\n".join([f"distance {distance:.4g}", *_beyond(measured), *_warning(about)])
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
    return "\n".join([*lines, *_warning(about)])


def describe_identification(found: "Identification", about: About, *, sequences: int) -> str:
    """Returns who it is, the nearest people, and the error rate of the answer.

    Args:
        found: result of the search.
        about: of the model.
        sequences: number of enrolled sequences.
    """
    measured = about.calibration
    lines = [f"{found.name or 'nobody enrolled'}"]
    lines += [f"  {item.distance:8.4g}  {item.name}" for item in found.candidates[:SHOWN]]
    if not found.calibrated:
        return "\n".join([*lines, *_beyond(measured), *_warning(about)])
    accepted = 1 - measured.same_farther(found.threshold)
    lines += [
        f"at most {_percent(found.fpir)} of searches for people who are not enrolled name somebody "
        f"(FPIR; {sequences} enrolled sequences, threshold {found.threshold:.4g})",
        f"this threshold accepts {_percent(accepted)} of same-person pairs",
        f"measured on {_pairs(measured)} of the test subjects of {about.origin.dataset}",
    ]
    return "\n".join([*lines, *_warning(about)])


def _beyond(measured: Calibration) -> list[str]:
    return [
        f"  unlike anything seen in calibration, where distances reach {measured.largest:.4g}: no "
        "verdict",
        "  check the masks, and that both recordings show a whole person who walks",
    ]


def _warning(about: About) -> list[str]:
    synthetic = describe_synthetic(about.origin)
    return ["", "!" * 80, synthetic, "!" * 80] if synthetic else []


def usable_frames(frames: int, dropped: Counter[str]) -> str:
    """Returns how many frames are usable, for example `14 of 60 frames usable (46 too small)`.

    Args:
        frames: number of usable frames.
        dropped: number of dropped frames by reason.
    """
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
    return f"{frames} of {frames + dropped.total()} frames usable" + f" ({reasons})" * bool(reasons)


def short_sequence(name: str, frames: int, about: About) -> str | None:
    """Returns a warning if a sequence has too few frames for a reliable embedding, else None.

    Args:
        name: of the sequence.
        frames: number of usable frames.
        about: of the model.
    """
    needed, clip = about.origin.reliable_frames, about.origin.training_frames
    if frames >= needed:
        return None
    reason = "a training clip" if needed == clip else "about one stride at 25 frames per second"
    return (
        f"{name}: only {frames} frames are usable, so the embedding is less reliable; use at least "
        f"{needed} ({reason})"
    )


def _keypoints(about: About) -> str:
    kinds = {
        "none": "uses no keypoints",
        "student": "its student predicts the keypoints",
        "truth": "requires keypoints from you, in a file beside each sequence",
        "given": "requires keypoints from you, in a file beside each sequence, of the program that "
        "found those of the dataset",
    }
    return kinds[about.keypoints]


def _rate(about: About) -> str:
    """Returns the frame rate of the training, and whether it matters."""
    fps = about.origin.trained_fps
    rate = "frame rate unknown" if fps is None else f"{fps:.4g} frames per second"
    if about.follows_order:
        return rate
    return f"{rate}; others will do too, since the network ignores the order of the frames"


def _pairs(measured: Calibration) -> str:
    return f"{measured.pairs_same:,} same-person pairs and {measured.pairs_different:,} other pairs"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _share(share: float) -> str:
    """Returns a share in percent; beyond the outermost quantiles, a bound."""
    if share <= 0.001:
        return "at most 0.1 %"
    return "at least 99.9 %" if share >= 0.999 else _percent(share)
