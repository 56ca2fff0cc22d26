"""The settings of a protocol: who trains, who is gallery and probe, and how they are compared."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from gaittake.comparison import Kind, Metric, Row
from gaittake.errors import UserError
from gaittake.protocol import OTHERS, PARTITION, TYPE, expand, in_both, is_pattern, selection
from gaittake.sequence import Identity, type_of, view_at
from gaittake.settings.section import Section, each_once


class Members(NamedTuple):
    """Which of some sequences are gallery and which are probes."""

    gallery: list[bool]
    probes: list[bool]


def _view(value: Any) -> Any:
    """Returns the name of a view that is set as a number of degrees."""
    if isinstance(value, float) or (isinstance(value, int) and not 0 <= value < 360):
        raise ValueError(f"{value} is not a view: whole degrees are required, 0 to 359, or a name")
    if isinstance(value, str) and ".." in value:
        raise ValueError(f"'{value}': views have no ranges; list each view")
    if isinstance(value, str) and (not value or "/" in value):
        raise ValueError(f"'{value}' is not the name of a view's folder, such as 090")
    return view_at(value) if isinstance(value, int) else value


View = Annotated[str, BeforeValidator(_view)]
Views = Annotated[tuple[View, ...], AfterValidator(each_once)]


class Submission(Section):
    """The file of answers that the holders of the secret labels evaluate."""

    subject: str = Field(
        "probe",
        description="the folder of the sequences to identify, which is no subject; all sequences "
        "of the other test subjects are the gallery; project default",
    )
    video: Literal["type", "view"] = Field(
        "view", description="which name of a sequence is the video's in the answers; yours"
    )
    header: tuple[str, ...] = Field(
        (),
        description="columns: the video, then one for each answer, nearest first; ranges are "
        "possible; none: the test has no secret labels; yours",
    )
    numbers: bool = Field(
        False, description="write subjects as numbers, 1 in place of 00001; project default"
    )
    rerank: bool = Field(
        False,
        description="rank by shared neighbours of probes and gallery (Zhong et al. 2017), which "
        "needs the distances of all pairs in memory; project default",
    )

    @field_validator("header")
    @classmethod
    def _ranges(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(_expanded(names)) == 1:
            raise ValueError("two columns or more are required: the video, then the answers")
        return names


class Protocol(Section):
    """Subjects, gallery, probes. A range is `first..last` or with `..step`, a pattern `*-nm-*`."""

    train_subjects: tuple[str, ...] = Field(
        ("001..074",), description="subjects for training; PAPER 4.2"
    )
    test_subjects: tuple[str, ...] = Field(
        ("075..124",),
        min_length=1,
        description="subjects for the test; 'recorded': those of walkers.recorded; PAPER 4.2",
    )
    gallery: tuple[str, ...] = Field(
        ("nm-01..nm-04",),
        min_length=1,
        description="sequences of known identity; ASSUME: the field's protocol",
    )
    galleries: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        {},
        description="gallery of a condition that does not use protocol.gallery; project default",
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
    comparison: Annotated[tuple[Kind, ...], Field(min_length=1), AfterValidator(each_once)] = Field(
        ("views",),
        description="how probes meet the gallery: 'views': that of each other view; 'gallery': all "
        "of it at once; 'reid': likewise, without the subject's sequences by the same camera; "
        "'gait': that of each other camera; with several, each is a row; PAPER table 1",
    )
    metrics: Annotated[tuple[Metric, ...], AfterValidator(each_once)] = Field(
        (),
        description="metrics in the table besides rank-1; none: the usual ones of the comparison; "
        "project default",
    )
    submission: Submission = Submission()
    listed_gallery: tuple[str, ...] = Field(
        (),
        description="sequences that 'partition' means in protocol.gallery, subject-type-view; "
        "none: those of the partition file; yours",
    )
    listed_probes: tuple[str, ...] = Field(
        (),
        description="sequences that 'partition' means in protocol.probes; none: those of the "
        "partition file; yours",
    )
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
        for condition, names in probes.items():
            if (
                condition != condition.strip()
                or not condition
                or re.search(r"[|\n\r\t]", condition)
            ):
                raise ValueError(
                    f"{condition!r} cannot name a condition: tables require text without |, tabs "
                    "and line ends, and without spaces at its ends"
                )
            _check_types(names)
        return probes

    @field_validator("galleries")
    @classmethod
    def _galleries(cls, galleries: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return cls._probes(galleries)

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        """A sequence in both gallery and probes of a condition would match itself."""
        if unknown := [name for name in self.galleries if name not in self.probes]:
            raise ValueError(f"galleries.{unknown[0]}: protocol.probes has no such condition")
        for row in self.rows():
            both = [name for name in in_both(row.gallery, row.probes) if name != PARTITION]
            if both:
                raise ValueError(
                    f"{', '.join(both)}: gallery and probe, remove it from one of the two"
                )
        return self

    @model_validator(mode="after")
    def _partition_has_lists(self) -> Self:
        """Without the partition's lists, no sequence would have a role."""
        for field, listed, key in (
            ("gallery", self.listed_gallery, "GALLERY_SET"),
            ("probes", self.listed_probes, "PROBE_SET"),
        ):
            if not listed and any(PARTITION in getattr(row, field) for row in self.rows()):
                raise ValueError(
                    f"{field}: '{PARTITION}' needs a source.partition with a list {key}"
                )
        return self

    def rows(self) -> list[Row]:
        """Returns the rows of the table: each condition in each comparison."""
        several = len(self.comparison) > 1
        return [
            Row(
                name=f"{condition} {kind}" if several else condition,
                kind=kind,
                gallery=self.galleries.get(condition, self.gallery),
                probes=probes,
            )
            for condition, probes in self.probes.items()
            for kind in self.comparison
        ]

    def members(self, row: Row, found: Sequence[Identity]) -> Members:
        """Returns which of the found sequences are gallery and probes of a row."""
        probes = selection(found, row.probes, self.listed_probes)
        gallery = selection(found, row.gallery, self.listed_gallery)
        if OTHERS in row.gallery:
            every = tuple(name for names in self.probes.values() for name in names)
            probed = selection(found, every, self.listed_probes)
            gallery = [held or not p for held, p in zip(gallery, probed, strict=True)]
        if self.submission.header:  # nobody knows who its probes are
            known = [subject != self.submission.subject for subject, _, _ in found]
            gallery, probes = (
                [role and k for role, k in zip(side, known, strict=True)]
                for side in (gallery, probes)
            )
        return Members(gallery, probes)

    def used(self, found: Sequence[Identity]) -> list[bool]:
        """Returns which of the found sequences are gallery or probes of a row."""
        sides = [side for row in self.rows() for side in self.members(row, found)]
        return [any(roles) for roles in zip(*sides, strict=True)]

    def names_types(self) -> bool:
        """Returns whether gallery and probes are all named by their types."""
        named = [name for row in self.rows() for name in (*row.gallery, *row.probes)]
        return not any(is_pattern(name) or name in (PARTITION, OTHERS) for name in named)

    def counted_views(self, present: Iterable[str]) -> tuple[str, ...]:
        """Returns the views that count, ascending.

        Args:
            present: views of the test sequences, which count unless the protocol lists its own.
        """
        return tuple(sorted(set(self.views or present) - set(self.views_excluded)))

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
        listed = (*probes.values(), *self.galleries.values())
        names = [*gallery, *(name for names in listed for name in names)]
        return [n for n in expand(names) if not is_pattern(n) and n not in (PARTITION, OTHERS)]


def _expanded(names: Iterable[str]) -> list[str]:
    try:
        return expand(names)
    except UserError as error:
        raise ValueError(str(error)) from error


def _check_types(names: Iterable[str]) -> None:
    """Checks the ranges, and that each name can be a folder's."""
    for name in _expanded(names):
        if not name or name != name.strip() or re.search(r"[/\0]", name):
            raise ValueError(f"'{name}' is not the name of a sequence's folder, such as nm-01")


def check_fixed_types(protocol: Protocol) -> None:
    """Checks types that are a condition and a number.

    Raises:
        ValueError: one is not, or conditions differ only in case: NM-02 would never meet nm-02.
    """
    fields = [("gallery", protocol.gallery)]
    fields += [(f"probes.{condition}", names) for condition, names in protocol.probes.items()]
    fields += [(f"galleries.{name}", names) for name, names in protocol.galleries.items()]
    spelled: dict[str, str] = {}
    for field, name in ((field, name) for field, names in fields for name in expand(names)):
        condition, dash, number = name.rpartition("-")
        if is_pattern(name) or name in (PARTITION, OTHERS):
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
