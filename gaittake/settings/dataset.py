"""The settings of a dataset. Defaults are the paper's; a dataset's YAML sets what differs.

A description ends with the source of the value: PAPER with the section, table or equation;
ASSUME where the paper does not say, and whose choice it is; torchvision's or CASIA-B's value;
project default where the paper does not cover the setting; yours where it depends on your data.
Cores, GPUs and memory are not settings: they belong to profiles.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from gaittake.errors import UserError
from gaittake.settings.keypoints import (
    OWN_STUDENT,
    KeypointsFrom,
    contradiction,
    keypoints_from,
    teacher_misfit,
)
from gaittake.settings.layout_names import check_names
from gaittake.settings.methods import ABLATION, KNOWN, PEERS, TRUTH, Method
from gaittake.settings.networks import SECTIONS, SIZES, GaitTakeModel, Size, uses_keypoints
from gaittake.settings.pose import Pose
from gaittake.settings.preset import with_preset
from gaittake.settings.protocol import Protocol
from gaittake.settings.section import (
    DATASET,
    Count,
    OtherDataset,
    Place,
    Section,
    each_once,
    validated,
)
from gaittake.settings.sizes import misfit
from gaittake.settings.source import Seed, Source, Walkers
from gaittake.settings.training import Train, peer_recipe, untrained_neck

# Folders of results/NAME/ that stages write; a method's folder lies beside them.
FOLDERS = ("data", "index", "pose", "cache", "logs", "benchmarks")


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
        description="Euclidean: 'parts' averages the distances of the p parts, 'flat' takes "
        "one distance of all numbers; ASSUME",
    )
    groups: Place | None = Field(
        None,
        description="table (.csv) of the test subjects' groups: a column `subject`, then any, as "
        "sex or age; yours",
    )


class Settings(Section):
    """The settings of one dataset."""

    dataset: str = Field(description="name of the YAML file; yours")
    note: str = Field("", description="text shown with every table of this dataset; yours")
    fps: float | None = Field(
        None,
        ge=1,
        le=1000,
        description="frames per second of filmed sequences, stated in exported models; null: those "
        "of their videos, if there are any; yours",
    )
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
    networks_from: OtherDataset | None = Field(
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
        if not re.fullmatch(DATASET, self.dataset):
            raise ValueError(
                f"dataset '{self.dataset}': rename the file, only a-z, A-Z, 0-9, _, - and . may be "
                "in its name, and neither - nor . may begin it"
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
            if name in FOLDERS:
                raise ValueError(
                    f"methods.{name}: results/{self.dataset}/{name}/ holds the files of a stage; "
                    "choose another name"
                )
            if name not in self.methods and name not in KNOWN:
                raise ValueError(f"tables: '{name}' is not a method; {_known()}")
            if name in SECTIONS and (network := self.method(name).network) != name:
                raise ValueError(
                    f"methods.{name}: this is the name of a network, found network '{network}'; "
                    f"set network: {name}, or choose another name"
                )
            self.method_model(name)
            self.method_train(name)
            if fault := self.fault(name):
                raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _keypoints_have_one_source(self) -> Self:
        if fault := contradiction(self.pose, files=bool(self.source.keypoints)):
            raise ValueError(fault)
        if self.keypoints_from == "truth" and not self.rendered:
            raise ValueError(f"pose.keypoints: {self._no_truth()}, or to 'none'")
        if self._can_label and (fault := teacher_misfit(self.pose)):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _rendered_have_one_rate(self) -> Self:
        if self.rendered and self.fps is not None:
            raise ValueError("fps: for filmed sequences; set walkers.fps for rendered ones")
        return self

    @model_validator(mode="after")
    def _layout_has_names(self) -> Self:
        """Names that a layout's folders never have would be found missing hours later."""
        recorded = self.rendered and self.walkers.recorded is not None
        check_names(self.source.layout, self.protocol, recorded=recorded)
        return self

    @model_validator(mode="after")
    def _somebody_to_train_on(self) -> Self:
        if self.protocol.train_subjects:
            return self
        trained = [name for name, method in self.methods.items() if method.learns]
        if trained and not self.networks_from:
            raise ValueError(
                f"protocol.train_subjects: methods.{trained[0]} is trained on this dataset and "
                "needs some, found []; name them, or set networks_from"
            )
        if self._can_label:
            raise ValueError(
                "protocol.train_subjects: the student that predicts keypoints is trained on this "
                "dataset and needs some, found []; name them, or set pose.student_from"
            )
        return self

    @property
    def rendered(self) -> bool:
        """Whether the project renders the dataset itself."""
        return self.source.rendered

    @property
    def keypoints_from(self) -> KeypointsFrom:
        """Where the keypoints come from."""
        return keypoints_from(self.pose, given=self.source.given_keypoints)

    @property
    def own_student(self) -> bool:
        """Whether the keypoints come from a student that is trained on this dataset."""
        return self.keypoints_from in OWN_STUDENT

    @property
    def _can_label(self) -> bool:
        """Whether there are colour or labels to train the student on; `inputs` asks for them."""
        return self.own_student and bool(self.rendered or self.source.videos or self.pose.labels)

    @property
    def student_lender(self) -> str | None:
        """The dataset whose student predicts the keypoints, if it is another one."""
        return self.pose.student_from if self.keypoints_from == "borrowed" else None

    def fault(self, method: str) -> str:
        """Returns why a method cannot be trained or tested on this dataset, '' if it can.

        Raises:
            UserError: there is no such method.
        """
        chosen, align = self.method(method), self.align
        try:
            model, train = self.method_model(method).model_dump(), self.method_train(method)
        except ValidationError as error:
            reasons = (item["msg"].removeprefix("Value error, ") for item in error.errors())
            return (
                f"methods.{method}: this dataset's settings exclude it ({'; '.join(reasons)}); "
                "define it under methods, or a table without it under tables"
            )
        found = misfit(chosen.network, model, height=align.height, width=align.width)
        if not found and chosen.learns and not self.networks_from:
            found = untrained_neck(model, train)
        if not found and chosen.keypoints == "truth" and not self.rendered:
            found = f"keypoints: {self._no_truth()}"
        return f"methods.{method}: {found}" if found else self.lacks_keypoints(method)

    def _no_truth(self) -> str:
        return (
            "'truth' are the renderer's, which only source.layout 'walkers' has, found "
            f"'{self.source.layout}'; set it to 'predicted'"
        )

    def lacks_keypoints(self, method: str) -> str:
        """Returns what is wrong if a method needs keypoints and the dataset has none, else ''."""
        if self.keypoints_from != "none" or not self.takes_keypoints(method):
            return ""
        works = ", ".join(name for name in KNOWN if not self.takes_keypoints(name))
        return (
            f"methods.{method}: its network needs keypoints, and pose.keypoints is 'none'; set "
            f"methods that need none ({works}), or another pose.keypoints"
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
            known = ", ".join(dict.fromkeys((*usual, *self.tables)))
            raise UserError(
                f"tables.{table}: there is no such table; {self.dataset} has {known}. Define "
                f"another by its methods, for example tables: {{{table}: [gei, gaittake]}}"
            )
        for fault in filter(None, map(self.fault, found)):
            raise UserError(fault)
        return found

    def _ablation(self) -> tuple[str, ...]:
        """Returns GaitTAKE and the rows of the ablation that differ from it on this dataset."""
        truth = TRUTH if self.rendered else ()

        def trained(name: str) -> tuple[Section | str | float, ...]:
            method = self.method(name)
            model, train = self.method_model(name), self.method_train(name)
            return method.network, model, train, method.keypoints, method.noise

        usual = trained("gaittake")
        rows = (*ABLATION, *truth)
        changed = (row for row in rows if self.fault(row) or trained(row) != usual)
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
