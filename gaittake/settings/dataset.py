"""Typed settings of every stage. Defaults are the paper's; a dataset's YAML states what differs.

A description ends with where the value comes from: PAPER with the section, table or equation;
ASSUME where the paper is silent, and whose choice it is; torchvision's own default; ours, which
the paper has no word for; yours, which depends on your data. Cores, GPUs and memory are not
settings: they belong to profiles.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gaittake.errors import UserError
from gaittake.protocol import in_both
from gaittake.settings.methods import ABLATION, KNOWN, PEERS, TRUTH, Method
from gaittake.settings.networks import SECTIONS, SIZES, GaitTakeModel, Size
from gaittake.settings.pose import Pose
from gaittake.settings.section import Count, Section, Share, validated
from gaittake.settings.training import Train, peer_recipe

CASIAB_VIEWS = tuple(range(0, 181, 18))


class Source(Section):
    """Where the sequences come from."""

    layout: Literal["walkers", "casiab", "oumvlp", "folder"] = Field(
        "casiab", description="how the folders lie, 'folder': a dataset of your own; yours"
    )
    silhouettes: tuple[Path, ...] = Field((), description="folders of silhouettes; yours")
    videos: tuple[Path, ...] = Field((), description="folders of RGB videos, none: no RGB; yours")
    masks: Literal["auto", "bright", "dark", "alpha", "nonzero"] = Field(
        "auto",
        description="what is the person in a silhouette: the bright or the dark part, the alpha "
        "channel, every level above 0; 'auto': found from the images; yours",
    )

    @property
    def rendered(self) -> bool:
        """Whether the project renders the dataset itself."""
        return self.layout == "walkers"


class Walkers(Section):
    """The embedded dataset: people rendered by the project, in CASIA-B's layout."""

    seed: int = Field(0, ge=0, description="number that everybody is drawn from; ours")
    subjects: Count = Field(48, description="generated people, named 001, 002, …; ours")
    bodies: Count = Field(8, description="body shapes that the people share; ours")
    subjects_per_gait: Count = Field(2, description="people who share one gait; ours")
    views: tuple[int, ...] = Field(CASIAB_VIEWS, description="degrees, 90: the side; CASIA-B's")
    normal: Count = Field(6, description="normal walks of each, nm-01, …; CASIA-B's")
    bag: int = Field(2, ge=0, description="walks of each with a bag, bg-01, …; CASIA-B's")
    coat: int = Field(2, ge=0, description="walks of each in a coat, cl-01, …; CASIA-B's")
    training_walks: tuple[Count, int, int] | None = Field(
        None, description="nm, bg and cl walks of training subjects, null: as of all; ours"
    )
    frames: int = Field(24, ge=8, description="frames of a sequence; ours")
    width: int = Field(160, ge=64, description="pixels; ours")
    height: int = Field(120, ge=48, description="pixels; ours")
    fps: int = Field(25, ge=5, description="frames a second; CASIA-B's")
    spread: float = Field(
        1.0, gt=0, le=2, description="differences between people, a factor, 1: recorded ones'; ours"
    )
    variation: float = Field(
        1.0, ge=0, le=2, description="differences between someone's walks, a factor, likewise; ours"
    )
    noise: Share = Field(1.0, description="raggedness of silhouettes, 0…1; ours")
    recorded: Path | None = Field(
        None, description="recorded walks (.npz, .csv beside it) to render as test subjects; yours"
    )


class Protocol(Section):
    """Who trains, who tests, what is gallery and what is probe. `first..last..step` is a range."""

    train_subjects: tuple[str, ...] = Field(("001..074",), description="who trains; PAPER 4.2")
    test_subjects: tuple[str, ...] = Field(
        ("075..124",),
        description="who tests, 'recorded': walkers.recorded's people; PAPER 4.2",
    )
    gallery: tuple[str, ...] = Field(
        ("nm-01..nm-04",),
        min_length=1,
        description="sequences that are searched; ASSUME: the field's protocol",
    )
    probes: dict[str, tuple[str, ...]] = Field(
        {"nm": ("nm-05..nm-06",), "bg": ("bg-01..bg-02",), "cl": ("cl-01..cl-02",)},
        min_length=1,
        description="sequences that are looked for; PAPER table 1",
    )
    views: tuple[int, ...] = Field(
        (), description="degrees, each of which must be there, none: those that are; yours"
    )
    same_view: bool = Field(False, description="count pairs of identical views; PAPER table 1")
    partial: bool = Field(
        False, description="evaluate without some test subjects or views, and say so; ours"
    )

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        """A sequence that is searched among themselves would be found, whatever the network."""
        both = in_both(self.gallery, (walk for walks in self.probes.values() for walk in walks))
        if both:
            raise ValueError(f"{', '.join(both)}: gallery and probe, remove it from one of the two")
        return self


class Align(Section):
    """Silhouettes as the network takes them (GaitSet's and OpenGait's steps)."""

    height: int = Field(64, ge=16, description="pixels; ASSUME: GaitSet, GaitGL")
    width: int = Field(44, ge=11, description="pixels; ASSUME: GaitSet, GaitGL")
    min_mass: int = Field(
        10_000, ge=0, description="summed pixel values to exceed; ASSUME: GaitSet"
    )


class Evaluate(Section):
    """How embeddings are compared."""

    distance: Literal["parts", "flat"] = Field(
        "parts", description="mean over the C embeddings of Euclidean distances, or one; ASSUME"
    )


class Settings(Section):
    """Everything that a dataset's YAML may say."""

    dataset: str = Field(description="the YAML file's name; yours")
    note: str = Field("", description="what stands beside every table of this dataset; yours")
    seed: int = Field(0, ge=0, description="number that stage one's training is drawn from; ours")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="numbers that each method's training is drawn from; ours"
    )
    networks_from: str | None = Field(
        None, description="dataset that lends its trained networks, to be tested here; ours"
    )
    shard_subjects: Count = Field(16, description="subjects handled by one job; ours")
    source: Source = Source()
    walkers: Walkers = Walkers()
    protocol: Protocol = Protocol()
    pose: Pose = Pose()
    align: Align = Align()
    model: GaitTakeModel = GaitTakeModel()
    train: Train = Train()
    size: Size = Field(
        "casiab", description="peers as published for 'casiab', 'oumvlp', or 'small'; ours"
    )
    methods: dict[str, Method] = Field(
        {"gei": Method(network="gei"), "gaittake": Method()},
        description="rows of the rank-1 table: network, what differs from model and train; ours",
    )
    tables: dict[str, tuple[str, ...]] = Field(
        {}, description="rows of further tables, by name; 'table' and 'ablation' exist; ours"
    )
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _lent_by_another(self) -> Self:
        if self.networks_from == self.dataset:
            raise ValueError(f"networks_from: {self.dataset} cannot lend to itself")
        return self

    @model_validator(mode="after")
    def _resolve_methods(self) -> Self:
        """A method's overrides are checked when the file is read, not hours later."""
        named = {name for rows in self.tables.values() for name in rows}
        for name in (*self.methods, *sorted(named)):
            if not re.fullmatch(r"[a-z0-9_]+", name):
                raise ValueError(f"methods.{name}: a name has a-z, 0-9 and _ only")
            if name not in self.methods and name not in KNOWN:
                raise ValueError(f"tables: '{name}' is no method; {_known()}")
            self.method_model(name)
            self.method_train(name)
        return self

    @property
    def rendered(self) -> bool:
        """Whether the project renders the dataset itself."""
        return self.source.rendered

    def method(self, name: str) -> Method:
        """Returns a method: the dataset's own, or one that every dataset has.

        Raises:
            UserError: there is no such method.
        """
        found = self.methods.get(name) or KNOWN.get(name)
        if found is None:
            raise UserError(f"methods.{name}: there is no such method; {_known()}")
        return found

    def rows(self, table: str) -> tuple[str, ...]:
        """Returns the methods of a table: `rank1`, `table`, `ablation`, or one of `tables`.

        Raises:
            UserError: there is no such table.
        """
        usual = {"rank1": tuple(self.methods), "table": PEERS, "ablation": self._ablation()}
        found = self.tables.get(table) or usual.get(table)
        if found is None:
            raise UserError(
                f"tables.{table}: there is no such table; name its rows, for example "
                f"tables: {{{table}: [gei, gaittake]}}"
            )
        return found

    def _ablation(self) -> tuple[str, ...]:
        """Returns GaitTAKE and what changes something of it, as this dataset trains it."""
        exact = TRUTH if self.rendered else ()

        def learnt(name: str) -> tuple[Section | str | float, ...]:
            method = self.method(name)
            model, train = self.method_model(name), self.method_train(name)
            return method.network, model, train, method.keypoints, method.noise

        usual = learnt("gaittake")
        changed = (row for row in (*ABLATION, *exact) if learnt(row) != usual)
        return ("gaittake", *changed)

    def method_model(self, method: str) -> Section:
        """Returns the network's settings for one method: GaitTAKE's `model`, or a peer's size."""
        chosen = self.method(method)
        base = SIZES[self.size].get(chosen.network, {})
        if chosen.network == "gaittake":
            base = self.model.model_dump()
        section = SECTIONS[chosen.network]
        return validated(section, base | chosen.model, "methods", method, "model")

    def method_train(self, method: str) -> Train:
        """Returns the training's settings for one method: `train`, or a peer's recipe on it."""
        chosen = self.method(method)
        recipe = self.train.model_dump()
        if chosen.network not in ("gaittake", "gei"):
            recipe = peer_recipe(chosen.network, self.size, self.train)
        return validated(Train, recipe | chosen.train, "methods", method, "train")


def _known() -> str:
    return f"define it under methods, or take one of {', '.join(KNOWN)}"
