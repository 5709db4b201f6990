"""What an export gives, and how often a schedule makes one, as documents."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from catalog.exports.rules import TELLS_HOLDINGS, Format, Mode
from catalog.search.compile import compiled, filtered
from catalog.search.documents import make_schema
from catalog.search.grammar import QueryProblem, parse

LONGEST_HOURS = 366 * 24


class ExportDoc(BaseModel):
    """Which titles, and how they are written: all that the public sees, unless this says otherwise."""

    model_config = ConfigDict(extra="forbid")

    format: Format
    query: str = Field(default="", max_length=2000, description="See docs/search-query.md")
    filters: dict[Annotated[str, Field(max_length=40)], list[Annotated[str, Field(max_length=250)]]] = Field(
        default_factory=dict, description="Values by the name of a filter"
    )
    list_id: UUID | None = Field(
        default=None, description="Only titles in this list; those of its holdings or items (docs/lists.md)"
    )
    with_suppressed: bool = Field(default=False, description="Hidden titles, too (`titles:write`)")
    with_ids: bool = Field(
        default=False, description="Each record tells the title's id in a field 035 of its own"
    )

    with_holdings: bool = Field(
        default=False,
        description="Each record tells of its holdings and items in fields 852, 866 to 868 and 876 of its own (formats "
        "of MARC), or in its map (METS); hidden ones only together with `with_suppressed`",
    )

    @model_validator(mode="after")
    def sayable(self) -> Self:
        """Holdings are told only in formats that have a place for them."""
        if self.with_holdings and self.format not in TELLS_HOLDINGS:
            formats = ", ".join(sorted(TELLS_HOLDINGS))
            raise ValueError(f"{self.format} has no place for holdings; these have: {formats}")
        return self

    def problem(self) -> QueryProblem | None:
        """What the search does not understand."""
        schema = make_schema()
        try:
            filtered(compiled(parse(self.query), schema), self.filters, schema=schema, with_suppressed=True)
        except QueryProblem as problem:
            return problem
        return None


class ScheduleDoc(ExportDoc):
    """An export that is made every so often."""

    name: str = Field(default="", max_length=200)
    mode: Mode = Mode.DELTA
    """`delta`: the first export gives everything, each later one what has changed since the one before."""
    every_hours: int | None = Field(default=None, ge=1, le=LONGEST_HOURS)
    """None: only when somebody asks."""
    starts_at: AwareDatetime | None = None
    """When the first one is made, from which the others are counted; None: now."""

    def writes_as(self, other: "ScheduleDoc") -> bool:
        """Whether whoever has what one of them gave can go on with what the other gives."""
        mine, others = ((each.mode, each.format, each.with_ids, each.with_holdings) for each in (self, other))
        return mine == others
