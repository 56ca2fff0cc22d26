"""The base of all settings, and types that several sections use."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails


class Section(BaseModel):
    """A group of settings: unknown names are refused, and values never change after reading."""

    # A number where text is needed becomes the text that the file has: subject 001.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any, found: ValidationInfo) -> Any:
        """Refuses true and false as a number, and takes a section without lines as empty."""
        annotation = cls.model_fields[str(found.field_name)].annotation
        if value is None and isinstance(annotation, type) and issubclass(annotation, Section):
            return {}
        if _has_bool(value) and not _allows_bool(annotation):
            raise ValueError(
                "true and false are not allowed here; set a number, or put a name in quotes"
            )
        return value


def _has_bool(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_bool(item) for item in value)
    return isinstance(value, bool)


def _allows_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(_allows_bool(part) for part in get_args(annotation))


def expanded(path: str) -> str:
    """Returns a path with `~` and `$NAME` replaced.

    Raises:
        ValueError: it is empty, or the variable or the user is unknown.
    """
    if not path:
        raise ValueError("a path is required, it is empty")
    # A name on disk that has a dollar sign is left alone.
    if "$" in path and not Path(path).exists():
        path = os.path.expandvars(path)
        if unknown := re.search(r"\$(\w+|\{\w+\})", path):
            raise ValueError(f"the environment variable {unknown[0]} is not set")
    home = os.path.expanduser(path)  # noqa: PTH111 Path drops a final slash and raises
    if home.startswith("~"):
        raise ValueError(f"the home folder of '{Path(path).parts[0]}' is unknown")
    return home


def _expanded_text(value: Any) -> Any:
    return expanded(value) if isinstance(value, str) else value


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns the values without repetitions, in their order."""
    return tuple(dict.fromkeys(values))


def dataset_name(name: str) -> str:
    """Returns the name of a dataset.

    Raises:
        ValueError: results and targets cannot have it.
    """
    if not re.fullmatch(DATASET, name):
        raise ValueError(
            "a dataset's name is that of its file in config/, without the ending, and has a-z, "
            "A-Z, 0-9, _, - and . only"
        )
    return name


DATASET = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
OtherDataset = Annotated[str, AfterValidator(dataset_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Place = Annotated[Path, BeforeValidator(_expanded_text)]
# One file may be set without the brackets of a list.
Files = Annotated[tuple[Place, ...], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
S = TypeVar("S", bound=Section)


def validated(kind: type[S], values: dict[str, Any], *place: str) -> S:
    """Returns the section with these values.

    Args:
        kind: which section.
        values: its fields.
        place: its position in the file, for example `methods`, `gaitset`, `model`.

    Raises:
        ValidationError: names each wrong field by its full position.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = [
            InitErrorDetails(
                type=item["type"],
                loc=(*place, *item["loc"]),
                input=item["input"],
                ctx=item.get("ctx", {}),
            )
            for item in error.errors()
        ]
        raise ValidationError.from_exception_data(kind.__name__, found) from error
