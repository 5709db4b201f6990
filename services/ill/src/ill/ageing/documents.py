"""Lengths of time on the wire, by service level."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ill.ageing.rules import Span


class SpanDoc(BaseModel):
    """Days, or hours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    hours: Annotated[int, Field(ge=1, le=500)] | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "SpanDoc":
        if (self.days is None) == (self.hours is None):
            raise ValueError("tell either days or hours")
        return self


def _told_apart(levels: dict[str, SpanDoc]) -> dict[str, SpanDoc]:
    if len({name.casefold() for name in levels}) < len(levels):
        raise ValueError("each service level is told once, in whatever case")
    return levels


Levels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=60)], SpanDoc],
    Field(max_length=20),
    AfterValidator(_told_apart),
]
"""By service level (ISO 18626: an open list), in whatever case."""


def spans_of(levels: Mapping[str, SpanDoc]) -> dict[str, Span]:
    """As the rules take them."""
    return {name: Span(told.days, told.hours) for name, told in levels.items()}
