"""The settings of a dataset. Defaults are the paper's; a dataset's YAML sets what differs.

A description ends with the source of the value: PAPER with the section, table or equation;
ASSUME where the paper does not say, and whose choice it is; torchvision's or CASIA-B's value;
project default where the paper does not cover the setting; yours where it depends on your data.
Cores, GPUs and memory are not settings: they belong to profiles.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from gaittake.errors import UserError
from gaittake.protocol import TYPE, expand, in_both, is_pattern
from gaittake.sequence import condition_of, type_of, view_at
from gaittake.settings.keypoints import KeypointsFrom, contradiction, keypoints_from
from gaittake.settings.methods import ABLATION, KNOWN, PEERS, TRUTH, Method
from gaittake.settings.networks import SECTIONS, SIZES, GaitTakeModel, Size, uses_keypoints
from gaittake.settings.pose import Pose
from gaittake.settings.preset import with_preset
from gaittake.settings.section import Count, Files, Place, Section, Share, each_once, validated
from gaittake.settings.training import Train, peer_recipe

CASIAB_VIEWS = tuple(range(0, 181, 18))
# What folders are called in the layouts that fix it.
SUBJECTS = {"casiab": (r"\d{3}", "001"), "oumvlp": (r"\d{5}", "00001")}
CONDITIONS = {"casiab": ("nm", "bg", "cl"), "oumvlp": ("nm",), "walkers": ("nm", "bg", "cl")}
# Layouts whose types are a condition and a number, as nm-01.
FIXED_TYPES = ("walkers", "casiab", "oumvlp", "folder")
Degrees = Annotated[int, Field(ge=0, lt=360)]
Seed = Annotated[int, Field(ge=0)]


def _view(value: Any) -> Any:
    """Returns the name of a view that is set as a number of degrees."""
    if isinstance(value, float) or (isinstance(value, int) and not 0 <= value < 360):
        raise ValueError(f"{value} is not a view: whole degrees are needed, 0 to 359, or a name")
    if isinstance(value, str) and ".." in value:
        raise ValueError(f"'{value}': views have no ranges; list each view")
    if isinstance(value, str) and (not value or "/" in value):
        raise ValueError(f"'{value}' is not the name of a view's folder, as 090")
    return view_at(value) if isinstance(value, int) else value


View = Annotated[str, BeforeValidator(_view)]
Views = Annotated[tuple[View, ...], AfterValidator(each_once)]


class Source(Section):
    """Where the sequences come from."""

    layout: Literal["walkers", "casiab", "oumvlp", "folder"] = Field(
        "casiab", description="how the folders are named; 'folder' is for your own dataset; yours"
    )
    silhouettes: tuple[Place, ...] = Field((), description="folders of silhouettes; yours")
    videos: tuple[Place, ...] = Field((), description="folders of RGB videos, if any; yours")
    keypoints: Files = Field(
        (),
        description="files of keypoints for every frame, COCO results or CSV, in place of stage "
        "one; yours",
    )
    masks: Literal["auto", "bright", "dark", "alpha", "nonzero"] = Field(
        "auto",
        description="what is the person in a silhouette: the bright or the dark part, the alpha "
        "channel, every level above 0; 'auto': found from the images; yours",
    )

    masks_from_rgb: Literal["people", "background"] | None = Field(
        None,
        description="make the silhouettes from the videos, with MediaPipe's network or by "
        "background subtraction; null: from source.silhouettes; yours",
    )

    @property
    def rendered(self) -> bool:
        """Whether the project renders the dataset itself."""
        return self.layout == "walkers"

    @model_validator(mode="after")
    def _masks_have_one_source(self) -> Self:
        if self.masks_from_rgb is None:
            return self
        if self.layout != "folder":
            raise ValueError("masks_from_rgb: requires source.layout 'folder'")
        if self.silhouettes or not self.videos:
            raise ValueError("masks_from_rgb: set source.videos, and no source.silhouettes")
        return self


class Walkers(Section):
    """The built-in dataset: rendered subjects in CASIA-B's layout."""

    seed: Seed = Field(0, description="random seed of all subjects; project default")
    population: Literal["recorded", "broad"] = Field(
        "recorded",
        description="'broad': more varied bodies, gaits, clothes and cameras than the recorded "
        "people's; project default",
    )
    subjects: Count = Field(
        48, description="number of generated subjects, named 001, 002, …; project default"
    )
    bodies: Count | None = Field(
        8, description="number of body shapes, shared; null: one per subject; project default"
    )
    subjects_per_gait: Count = Field(
        2, description="number of subjects that share a gait; project default"
    )
    views: Annotated[tuple[Degrees, ...], AfterValidator(each_once)] = Field(
        CASIAB_VIEWS, min_length=1, description="degrees: 0 front, 90 side, 180 back; CASIA-B's"
    )
    normal: Count = Field(6, description="normal sequences per subject, nm-01, …; CASIA-B's")
    bag: int = Field(2, ge=0, description="sequences per subject with a bag, bg-01, …; CASIA-B's")
    coat: int = Field(2, ge=0, description="sequences per subject in a coat, cl-01, …; CASIA-B's")
    training_sequences: tuple[Count, int, int] | None = Field(
        None,
        description="normal, bag and coat sequences per training subject; null: as for the other "
        "subjects; project default",
    )
    frames: int = Field(24, ge=8, description="frames per sequence; project default")
    width: int = Field(160, ge=64, description="pixels; project default")
    height: int = Field(120, ge=48, description="pixels; project default")
    fps: int = Field(25, ge=5, description="frames per second; CASIA-B's")
    spread: float = Field(
        1.0,
        gt=0,
        le=2,
        description="differences between subjects, relative to the recorded people; project "
        "default",
    )
    variation: float = Field(
        1.0,
        ge=0,
        le=2,
        description="differences between the sequences of one subject, relative to the recorded "
        "people; project default",
    )
    noise: Share = Field(
        1.0, description="errors of background subtraction, 0…1, 0: none; project default"
    )
    recorded: Place | None = Field(
        None,
        description="motion capture (.npz, with a .csv beside it) to render as test subjects; "
        "yours",
    )


class Protocol(Section):
    """Subjects, gallery, probes. A range is `first..last` or with `..step`, a pattern `*-nm-*`."""

    train_subjects: tuple[str, ...] = Field(
        ("001..074",), description="subjects for training; PAPER 4.2"
    )
    test_subjects: tuple[str, ...] = Field(
        ("075..124",),
        description="subjects for the test; 'recorded': those of walkers.recorded; PAPER 4.2",
    )
    gallery: tuple[str, ...] = Field(
        ("nm-01..nm-04",),
        min_length=1,
        description="sequences of known identity; ASSUME: the field's protocol",
    )
    probes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        {"nm": ("nm-05..nm-06",), "bg": ("bg-01..bg-02",), "cl": ("cl-01..cl-02",)},
        min_length=1,
        description="sequences to identify, by condition; PAPER table 1",
    )
    views: Views = Field(
        (),
        description="views that the data must have, degrees or names; none: all that it has; yours",
    )
    views_excluded: Views = Field(
        (), description="views of the data that do not count; project default"
    )
    same_view: bool = Field(False, description="count pairs of identical views; PAPER table 1")
    partial: bool = Field(
        False,
        description="evaluate even if test subjects or views are missing, and mark the results; "
        "project default",
    )

    @field_validator("train_subjects", "test_subjects")
    @classmethod
    def _subjects(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Checks the ranges, and that each name can be a folder's."""
        for name in _expanded(names):
            if not name or name != name.strip() or name in (".", "..") or re.search(r"[/\0]", name):
                raise ValueError(f"'{name}' is not the name of a subject's folder")
        return names

    @field_validator("gallery")
    @classmethod
    def _gallery(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _check_types(names)
        return names

    @field_validator("probes")
    @classmethod
    def _probes(cls, probes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for names in probes.values():
            _check_types(names)
        return probes

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        """A sequence in both gallery and probes would match itself."""
        both = in_both(self.gallery, (name for names in self.probes.values() for name in names))
        if both:
            raise ValueError(f"{', '.join(both)}: gallery and probe, remove it from one of the two")
        return self

    def named_subjects(self) -> list[str]:
        """Returns the subjects that the file sets, without the defaults'."""
        fields = self.model_fields_set & {"train_subjects", "test_subjects"}
        return expand(name for field in sorted(fields) for name in getattr(self, field))

    def types(self, *, named: bool = False) -> list[str]:
        """Returns the types in gallery and probes, without patterns.

        Args:
            named: only those that the file sets, without the defaults'.
        """
        gallery = () if named and "gallery" not in self.model_fields_set else self.gallery
        probes = {} if named and "probes" not in self.model_fields_set else self.probes
        names = [*gallery, *(name for names in probes.values() for name in names)]
        return [name for name in expand(names) if not is_pattern(name)]


def _expanded(names: Iterable[str]) -> list[str]:
    try:
        return expand(names)
    except UserError as error:
        raise ValueError(str(error)) from error


def _check_types(names: Iterable[str]) -> None:
    """Checks the ranges, and that each name can be a folder's."""
    for name in _expanded(names):
        if not name or name != name.strip() or re.search(r"[/\0]", name):
            raise ValueError(f"'{name}' is not the name of a sequence's folder, as nm-01")


def _check_fixed_types(protocol: Protocol) -> None:
    """Checks types that are a condition and a number.

    Raises:
        ValueError: one is not, or conditions differ only in case: NM-02 would never meet nm-02.
    """
    fields = [("gallery", protocol.gallery)]
    fields += [(f"probes.{condition}", names) for condition, names in protocol.probes.items()]
    spelled: dict[str, str] = {}
    for field, name in ((field, name) for field, names in fields for name in expand(names)):
        condition, dash, number = name.rpartition("-")
        if is_pattern(name):
            continue
        if not re.fullmatch(TYPE, name):
            likely = dash and condition and number.isdecimal()
            hint = f"; did you mean '{type_of(condition, int(number))}'?" if likely else ""
            raise ValueError(
                f"protocol.{field}: '{name}' is not a sequence: a condition and two digits, as "
                f"nm-01{hint}"
            )
        other = spelled.setdefault(condition.lower(), condition)
        if other != condition:
            raise ValueError(
                f"protocol.{field}: conditions '{other}' and '{condition}' differ only in case; "
                "use one of them"
            )


class Align(Section):
    """How silhouettes are aligned for the network, in GaitSet's and OpenGait's steps."""

    height: int = Field(64, ge=16, description="pixels; ASSUME: GaitSet, GaitGL")
    width: int = Field(44, ge=11, description="pixels; ASSUME: GaitSet, GaitGL")
    min_mass: int = Field(
        10_000,
        ge=0,
        description="a silhouette is empty unless its pixel values sum to more; ASSUME: GaitSet",
    )


class Evaluate(Section):
    """How embeddings are compared."""

    distance: Literal["parts", "flat"] = Field(
        "parts",
        description="Euclidean: 'parts' averages the distances of the C embeddings, 'flat' takes "
        "one distance of all numbers; ASSUME",
    )


class Settings(Section):
    """The settings of one dataset."""

    dataset: str = Field(description="name of the YAML file; yours")
    note: str = Field("", description="text shown with every table of this dataset; yours")
    preset: Literal["paper", "laptop"] = Field(
        "paper",
        description="'laptop' sets size, pose and train for minutes on two CPU cores; what the "
        "file sets itself stays; project default",
    )
    seed: Seed = Field(0, description="random seed of the pose stages; project default")
    seeds: Annotated[tuple[Seed, ...], AfterValidator(each_once)] = Field(
        (0,),
        min_length=1,
        description="random seeds, one run of each method per seed; project default",
    )
    networks_from: str | None = Field(
        None, description="dataset whose trained networks are tested on this one; project default"
    )
    shard_subjects: Count = Field(16, description="subjects per job; project default")
    source: Source = Source()
    walkers: Walkers = Walkers()
    protocol: Protocol = Protocol()
    pose: Pose = Pose()
    align: Align = Align()
    model: GaitTakeModel = GaitTakeModel()
    train: Train = Train()
    size: Size = Field(
        "casiab",
        description="size of every network: as published for 'casiab' or 'oumvlp', or 'small' for "
        "a laptop; model and methods override it; project default",
    )
    methods: dict[str, Method] = Field(
        {"gei": Method(network="gei"), "gaittake": Method()},
        min_length=1,
        description="rows of the rank-1 table: network, and changes of model and train; project "
        "default",
    )
    tables: dict[
        str, Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(each_once)]
    ] = Field(
        {},
        description="methods of further tables, by the table's name; 'table' and 'ablation' exist; "
        "project default",
    )
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, content: Any) -> Any:
        """Completes what is set by the preset, and `model` by GaitTAKE's settings of its size."""
        if not isinstance(content, dict):
            return content
        content = with_preset(content)
        size, model = content.get("size"), content.get("model", {})
        if not isinstance(model, dict) or not isinstance(size, str) or size not in SIZES:
            return content  # the size's default changes nothing; a wrong value fails below
        return content | {"model": SIZES[size].get("gaittake", {}) | model}

    @model_validator(mode="after")
    def _names(self) -> Self:
        """Names become parts of files' names, which the workflow must recognise."""
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.dataset):
            raise ValueError(
                f"dataset '{self.dataset}': rename the file, only a-z, A-Z, 0-9, _, - and . may be "
                "in its name"
            )
        for name in self.tables:
            if not re.fullmatch(r"[a-z0-9]+", name):
                raise ValueError(f"tables.{name}: a table's name has a-z and 0-9 only")
        if self.networks_from == self.dataset:
            raise ValueError(f"networks_from: {self.dataset} cannot lend to itself")
        return self

    @model_validator(mode="after")
    def _resolve_methods(self) -> Self:
        """Checks the changes of every method when the file is read, not hours later."""
        named = {name for rows in self.tables.values() for name in rows}
        for name in (*self.methods, *sorted(named)):
            if not re.fullmatch(r"[a-z0-9_]+", name):
                raise ValueError(f"methods.{name}: a method's name has a-z, 0-9 and _ only")
            if name == "chance":
                raise ValueError("methods.chance: this row of every table is the chance level")
            if name not in self.methods and name not in KNOWN:
                raise ValueError(f"tables: '{name}' is not a method; {_known()}")
            self.method_model(name)
            self.method_train(name)
            if lack := self.lacks_keypoints(name):
                raise ValueError(lack)
        return self

    @model_validator(mode="after")
    def _keypoints_have_one_source(self) -> Self:
        if fault := contradiction(self.pose, files=bool(self.source.keypoints)):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _layout_has_names(self) -> Self:
        """Names that a layout's folders never have would be found missing hours later."""
        layout, protocol = self.source.layout, self.protocol
        if layout in FIXED_TYPES:
            _check_fixed_types(protocol)
        if layout in SUBJECTS:
            pattern, example = SUBJECTS[layout]
            for name in protocol.named_subjects():
                if not re.fullmatch(pattern, name) and name != "recorded":
                    raise ValueError(
                        f"protocol: subject '{name}' cannot be in source.layout '{layout}', which "
                        f"names them as {example}"
                    )
        if layout in CONDITIONS:
            for condition in map(condition_of, protocol.types(named=True)):
                if condition not in CONDITIONS[layout]:
                    raise ValueError(
                        f"protocol: condition '{condition}' cannot be in source.layout '{layout}', "
                        f"which has {', '.join(CONDITIONS[layout])}"
                    )
        recorded = self.rendered and "recorded" in protocol.test_subjects
        if recorded and protocol.test_subjects != ("recorded",):
            raise ValueError("protocol.test_subjects: 'recorded' must be the only entry")
        return self

    @property
    def rendered(self) -> bool:
        """Whether the project renders the dataset itself."""
        return self.source.rendered

    @property
    def keypoints_from(self) -> KeypointsFrom:
        """Where the keypoints come from."""
        return keypoints_from(self.pose, files=bool(self.source.keypoints))

    def lacks_keypoints(self, method: str) -> str:
        """Returns what is wrong if a method needs keypoints and the dataset has none, else ''."""
        if self.keypoints_from != "none" or not self.takes_keypoints(method):
            return ""
        works = ", ".join(name for name in KNOWN if not self.takes_keypoints(name))
        return (
            f"methods.{method}: its network needs keypoints, and pose.keypoints is 'none'; set "
            f"methods without it (without keypoints work {works}), or another pose.keypoints"
        )

    def takes_keypoints(self, method: str) -> bool:
        """Returns whether a method's network takes keypoints."""
        return uses_keypoints(self.method_model(method).model_dump())

    def method(self, name: str) -> Method:
        """Returns a method of the dataset, or one of those that every dataset has.

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
        peers = tuple(name for name in PEERS if not self.lacks_keypoints(name))
        usual = {"rank1": tuple(self.methods), "table": peers, "ablation": self._ablation()}
        found = self.tables.get(table) or usual.get(table)
        if found is None:
            raise UserError(
                f"tables.{table}: there is no such table; define it by its methods, for example "
                f"tables: {{{table}: [gei, gaittake]}}"
            )
        for lack in filter(None, map(self.lacks_keypoints, found)):
            raise UserError(lack)
        return found

    def _ablation(self) -> tuple[str, ...]:
        """Returns GaitTAKE and the rows of the ablation that differ from it on this dataset."""
        truth = TRUTH if self.rendered else ()

        def trained(name: str) -> tuple[Section | str | float, ...]:
            method = self.method(name)
            model, train = self.method_model(name), self.method_train(name)
            return method.network, model, train, method.keypoints, method.noise

        usual = trained("gaittake")
        changed = (row for row in (*ABLATION, *truth) if trained(row) != usual)
        return ("gaittake", *changed)

    def method_model(self, method: str) -> Section:
        """Returns the network's settings for one method: size, `model`, own changes.

        Those of given weights do not depend on the dataset: only the method's own changes count.
        """
        chosen = self.method(method)
        base = SIZES[self.size].get(chosen.network, {})
        if chosen.weights is not None:
            base = {}
        elif chosen.network == "gaittake":
            base = self.model.model_dump()
        section = SECTIONS[chosen.network]
        return validated(section, base | chosen.model, "methods", method, "model")

    def method_train(self, method: str) -> Train:
        """Returns a method's training: `train`, for a peer its published recipe, own changes."""
        chosen = self.method(method)
        recipe = self.train.model_dump()
        if chosen.network not in ("gaittake", "gei"):
            recipe = peer_recipe(chosen.network, self.size, self.train)
        return validated(Train, recipe | chosen.train, "methods", method, "train")


def _known() -> str:
    return f"define it under methods, or use one of {', '.join(KNOWN)}"
