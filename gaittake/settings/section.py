"""What every group of settings is made of."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A group of settings: unknown names are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


def validated(kind: type[S], values: dict[str, Any], *place: str) -> S:
    """Returns the section of these values.

    Args:
        kind: which section.
        values: its fields.
        place: where they stand in the file, for example `methods`, `gaitset`, `model`.

    Raises:
        ValidationError: names each wrong field by its full place.
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
