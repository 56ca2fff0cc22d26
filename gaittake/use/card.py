"""The card of a model: README.md of its repository, with data, recipe, error rates and limits."""

import json
from collections.abc import Iterator
from typing import Any

from gaittake.use.about import Origin
from gaittake.use.describe import describe_synthetic
from gaittake.use.model_file import Header

FILE = "model.safetensors"
# A hub reads these lines; only the owner of the weights can choose a licence.
FRONT = """\
library_name: gaittake
tags:
- gait-recognition
- biometrics
# license: choose one, for example apache-2.0; without one, nobody may use the model
"""
FENCE = "---\n"


def model_card(header: Header, *, front: str | None = None) -> str:
    """Returns the card of a model, in Markdown.

    Args:
        header: what the model file says of its model.
        front: the lines that a hub reads, as `front_of` returns them; None: without a licence.
    """
    lines = FRONT if front is None else front
    return f"{FENCE}{lines}{FENCE}\n" + "\n\n".join(_sections(header)) + "\n"


def front_of(card: str) -> str | None:
    """Returns the lines of a card that a hub reads: licence, tags. None if it has none."""
    if not card.startswith(FENCE) or f"\n{FENCE}" not in card:
        return None
    return card.removeprefix(FENCE).partition(FENCE)[0]


def _sections(header: Header) -> Iterator[str]:
    about, origin, measured = header.about, header.about.origin, header.about.calibration
    yield f"# {origin.method}: gait recognition, trained on {origin.trained_on}"
    if synthetic := describe_synthetic(origin):
        yield f"> **{synthetic.replace(':', ':**', 1)}"
    yield (
        f"`{FILE}` turns the silhouettes of a walking person into {about.parts} × "
        f"{about.embedding} numbers; two sequences of one person have a smaller distance than "
        "those of two people. Written by gaittake "
        f"{header.package}; digest `{header.digest}`."
    )
    yield "## Use"
    yield (
        "```sh\ngaittake model pull REPOSITORY --out model.safetensors\n"
        "gaittake model compare monday.mp4 tuesday.mp4 --model model.safetensors "
        "--silhouettes people\n```"
    )
    yield "## Data"
    yield _data(origin)
    yield "## Recipe"
    yield _table("setting", "value", _recipe(header))
    yield "## Error rates"
    yield (
        f"Measured on {measured.pairs_same:,} same-person pairs and {measured.pairs_different:,} "
        f"pairs of two people, of the test subjects of {origin.dataset}."
        + ("" if about.same_view else " The sequences of a pair are of different views.")
    )
    yield _table(
        "measure",
        "value",
        {
            "equal error rate": f"{100 * measured.equal_error_rate:.3g} %",
            "true accepts at 1 % false accepts": f"{100 * measured.true_accepts:.3g} %",
            "distance at 1 % false accepts": f"{measured.threshold:.4g}",
        },
    )
    yield "## What it is for"
    yield (
        "Research on gait recognition, and comparisons among people who agreed to be filmed for "
        "this purpose. Measure the error rates on people, clothes and cameras like yours first."
    )
    yield "## What it is not for"
    yield (
        "- To identify people without their knowledge or consent, or against the law: gait is "
        "biometric data.\n"
        "- As proof of identity. A nearest match always exists, and error rates are those of "
        "one comparison: among 1,000 strangers, 1 % false accepts are 10 wrong people.\n"
        "- For cameras, clothes or people unlike those of the measurement: its error rates are "
        "higher there, by an unknown amount."
    )


def _data(origin: Origin) -> str:
    people = "rendered people (synthetic)" if origin.synthetic else "filmed people"
    training = f"Trained on {origin.training_subjects} subjects of {origin.trained_on}"
    if not origin.training_subjects and origin.training != "none":
        training = f"Weights of {origin.trained_on}, imported"
    elif not origin.training_subjects:
        training = "Not trained: the network has no weights to learn"
    note = f" {origin.note}" if origin.note else ""
    return f"{training}; measured on the test subjects of {origin.dataset}, {people}.{note}"


def _recipe(header: Header) -> dict[str, Any]:
    about, origin = header.about, header.about.origin
    trained = {} if origin.training == "none" else json.loads(origin.training)
    keypoints = {"none": "none", "student": "predicted by its student"}
    rows = {
        "network": about.network,
        "keypoints": keypoints.get(about.keypoints, "given by the user"),
        "frames per second": origin.trained_fps and f"{origin.trained_fps:.4g}",
        "silhouettes": f"{about.align.height} × {about.align.width}",
        "distance": about.distance,
        "seed": trained.get("seed"),
    }
    rows |= {f"model.{name}": value for name, value in about.model.items()}
    rows |= {f"train.{name}": value for name, value in trained.get("train", {}).items()}
    return {name: value for name, value in rows.items() if value is not None}


def _table(name: str, value: str, rows: dict[str, Any]) -> str:
    lines = [f"| {name} | {value} |", "|---|---|"]
    return "\n".join([*lines, *(f"| {key} | {entry} |" for key, entry in rows.items())])
