"""Where a dataset's sequences come from: the user's folders, or the project's renderer."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaittake.settings.section import Count, Files, Place, Section, Share, each_once

CASIAB_VIEWS = tuple(range(0, 181, 18))
# Layouts whose datasets have keypoints of their own, in folders that source.keypoints names.
OWN_KEYPOINTS = ("oumvlp", "gait3d", "grew")
# Layouts whose silhouettes are cropped, scaled and centred already.
ALIGNED_LAYOUTS = ("opengait", "grew")
Degrees = Annotated[int, Field(ge=0, lt=360)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Source(Section):
    """Where the sequences come from."""

    layout: Literal[
        "walkers",
        "casiab",
        "oumvlp",
        "gait3d",
        "grew",
        "ccpg",
        "casiae",
        "fvg",
        "opengait",
        "folder",
    ] = Field(
        "casiab",
        description="how the folders are named; 'opengait': its pickles, 'folder': your own "
        "dataset; yours",
    )
    root: Place | None = Field(
        None, description="folder of OpenGait's pickles, `subject/type/view/*.pkl`; yours"
    )
    partition: Place | None = Field(
        None,
        description="OpenGait's JSON of training and test subjects, in place of those of the "
        "protocol; yours",
    )
    silhouettes: Files = Field(
        (),
        description="folders of silhouettes; with source.root the name of the files, as "
        "'*sils.pkl'; yours",
    )
    keypoints: Files = Field(
        (),
        description="keypoints for every frame, in place of stage one: files of COCO results or "
        "CSV; with source.root the name of the files, as '*pose.pkl'; folders of Gait3D's, GREW's "
        "or OU-MVLP's own; yours",
    )
    videos: tuple[Place, ...] = Field((), description="folders of colour videos, if any; yours")
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

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that hold the subjects' silhouettes."""
        return self.silhouettes if self.root is None else (self.root,)

    @property
    def given_keypoints(self) -> Literal["files", "own"] | None:
        """What `keypoints` names: files of another program, or keypoints of the dataset's own.

        The index finds the dataset's own for each sequence.
        """
        if not self.keypoints:
            return None
        files = any(path.suffix.lower() in (".json", ".csv") for path in self.keypoints)
        own = self.root is not None or (self.layout in OWN_KEYPOINTS and not files)
        return "own" if own else "files"

    @model_validator(mode="after")
    def _root_has_pickles(self) -> Self:
        if self.layout == "opengait" and self.root is None:
            raise ValueError(
                "root is required with layout 'opengait': the folder of the pickles; silhouettes "
                "is a pattern of their names, needed only if a folder has several"
            )
        if self.layout != "opengait" and self.root is not None:
            raise ValueError(
                f"root: only with layout 'opengait'; found {self.layout!r}, whose folders are "
                "silhouettes"
            )
        if self.root is not None and self.videos:
            raise ValueError("videos: remove them, colour cannot be joined to OpenGait's pickles")
        patterns = {"silhouettes": self.silhouettes, "keypoints": self.keypoints}
        for name, given in patterns.items() if self.root is not None else ():
            if len(given) > 1 or any("/" in str(pattern) for pattern in given):
                raise ValueError(
                    f"{name}: with source.root, one name or pattern of files, for example "
                    "'*sils.pkl'; the folder is source.root"
                )
        return self

    @model_validator(mode="after")
    def _aligned_have_no_rule(self) -> Self:
        if self.layout in ALIGNED_LAYOUTS and self.masks != "auto":
            raise ValueError(
                f"masks: remove it with layout {self.layout!r}, whose silhouettes are used with "
                "all their levels, 0 for the background and 255 for the person"
            )
        return self

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
    recorded_halves: bool = Field(
        False,
        description="cut each recorded walk into two sequences, its halves; project default",
    )
