"""What a list is made of, as a document."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.conditions.vocabulary import Kind, read
from catalog.lists.rules import MOST_COMBINED, MOST_TOLD, Combining
from chassis.conditions import Fault, Node

Told = Annotated[str, Field(min_length=1, max_length=100)]


class CombinedDoc(BaseModel):
    """Other lists of the same kind."""

    model_config = ConfigDict(extra="forbid")

    how: Combining
    lists: list[UUID] = Field(min_length=2, max_length=MOST_COMBINED)


class SourceDoc(BaseModel):
    """Exactly one of these: a query, a tree of conditions, other lists, or what is told one by one."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = Field(
        default=None, min_length=1, max_length=500, description="See docs/search-query.md"
    )
    condition: dict[str, Any] | None = Field(default=None, description="A tree of conditions: docs/lists.md")
    everything: Literal[True] | None = None
    combined: CombinedDoc | None = None
    ids: list[UUID] | None = Field(default=None, max_length=MOST_TOLD)
    barcodes: list[Told] | None = Field(default=None, max_length=MOST_TOLD)
    """Of items; of a list of titles or holdings: those that the items belong to."""
    numbers: list[int] | None = Field(default=None, max_length=MOST_TOLD)
    """The numbers of titles that are read out (`hrid`); of a list of holdings or items: all that belong to them."""

    @model_validator(mode="after")
    def one(self) -> "SourceDoc":
        """A list is made of one thing; ids, barcodes and numbers may come together."""
        made = [
            name
            for name in ("query", "condition", "everything", "combined")
            if getattr(self, name) is not None
        ]
        told = any(getattr(self, name) is not None for name in ("ids", "barcodes", "numbers"))
        if len(made) + told != 1:
            raise ValueError("name one: query, condition, everything, combined, or ids, barcodes and numbers")
        return self

    @property
    def is_told(self) -> bool:
        """Whether its members are told one by one."""
        return not (self.query or self.condition is not None or self.everything or self.combined)

    def kept(self) -> dict[str, Any]:
        """What can be asked again."""
        return {} if self.is_told else self.model_dump(mode="json", exclude_none=True)

    def question(self, kind: Kind, *, at: str = "") -> tuple[Node | None, list[Fault]]:
        """What is asked of the catalogue (None: nothing, or everything), or all that is wrong with it."""
        if self.query is not None:
            told = {"field": "title.search", "finds": self.query}
            node, faults = read(told, kind)
            return node, [Fault(each.code, each.text, f"{at}/query", each.mend) for each in faults]
        if self.condition is not None:
            return read(self.condition, kind, at=f"{at}/condition")
        return None, []
