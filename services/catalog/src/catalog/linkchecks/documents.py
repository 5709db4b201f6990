"""Which links are checked, and how often, as documents."""

from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from catalog.linkchecks.rules import MOST_TITLES

LONGEST_HOURS = 366 * 24


class LinkCheckDoc(BaseModel):
    """The links of all titles and their holdings records, unless one of these says less."""

    model_config = ConfigDict(extra="forbid")

    title_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MOST_TITLES)
    list_id: UUID | None = Field(
        default=None, description="Titles in this list; those of its holdings or items (docs/lists.md)"
    )
    again: bool = Field(
        default=False,
        description="Only links that were broken or unclear the last time, and new ones of the same titles",
    )

    @model_validator(mode="after")
    def one_way(self) -> Self:
        """Titles are named one by one, or by a list."""
        if self.title_ids is not None and self.list_id is not None:
            raise ValueError("give either title_ids or list_id")
        return self


class LinkScheduleDoc(LinkCheckDoc):
    """A check that is made every so often."""

    name: str = Field(default="", max_length=200)
    every_hours: int | None = Field(default=None, ge=1, le=LONGEST_HOURS)
    """None: only when somebody asks."""
    starts_at: AwareDatetime | None = None
    """When the first one is made, from which the others are counted; None: now."""
