"""The commands on weights of other projects: `gaittake weights import`."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gaittake.cli.options import READ

INPUTS = {
    "skeletongait_plus": "silhouettes of 64 × 44, 0…1, and 17 keypoints, drawn as maps",
}
SILHOUETTES = "silhouettes of 64 × 44, 0…1 (weights of Gait3D-Parsing: parsing maps)"


class Network(StrEnum):
    """Networks whose checkpoints can be imported."""

    GAITSET = "gaitset"
    GAITPART = "gaitpart"
    GAITGL = "gaitgl"
    GAITBASE = "gaitbase"
    DEEPGAITV2 = "deepgaitv2"
    SKELETONGAIT_PLUS = "skeletongait_plus"


class ImportSize(StrEnum):
    """Datasets for which OpenGait has networks of different sizes."""

    CASIAB = "casiab"
    OUMVLP = "oumvlp"
    GAIT3D = "gait3d"
    GREW = "grew"


app = typer.Typer(no_args_is_help=True, help="Use weights that were trained elsewhere.")


@app.callback()
def _group() -> None: ...


@app.command("import")
def import_(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of OpenGait, .pt.")],
    network: Annotated[
        Network, typer.Option(help="The checkpoint's network.", rich_help_panel=READ)
    ],
    size: Annotated[
        ImportSize,
        typer.Option(
            help="Dataset for which it was trained; CCPG and SUSTech1K: casiab.",
            rich_help_panel=READ,
        ),
    ] = ImportSize.CASIAB,
    neck: Annotated[
        bool,
        typer.Option(
            "--neck",
            help="Embeddings are those behind the BNNeck: OpenGait's use_emb2.",
            rich_help_panel=READ,
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Weights file (default: weights/NETWORK-SIZE.safetensors).")
    ] = None,
) -> None:
    """Import a checkpoint of OpenGait as a weights file; runs no code from it."""
    from gaittake.use.import_weights import import_weights

    out = out or Path("weights", f"{network}-{size}.safetensors")
    found = import_weights(checkpoint, network=network, size=size, neck=neck, out=out)
    step = "" if found.iteration is None else f", step {found.iteration:,}"
    dropped = ", ".join(sorted({name.rpartition(".")[0] for name in found.dropped})) or "nothing"
    method = {"network": str(network), "model": found.model, "weights": str(out)}
    if not found.model:
        del method["model"]
    print(f"{out}: {network}, {found.parameters:,} parameters{step}")
    print(f"dropped: {dropped} (of the classifier, which tests do not need)")
    print(f"input: {INPUTS.get(network, SILHOUETTES)}")
    print(f"to test it, in config/DATASET.yaml:\nmethods: {{{network}: {_yaml(method)}}}")


def _yaml(value: object) -> str:
    """Returns a value as flow YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml(each)}" for name, each in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value)
