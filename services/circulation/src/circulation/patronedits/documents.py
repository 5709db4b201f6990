"""Which patrons are edited, and what is to become of them, as documents."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from chassis.moments import Moment
from circulation.patronedits.rules import MOST_TOLD, NoteEdit
from circulation.places.entries import Code, Strict
from circulation.registration.details import Statistics
from circulation.registration.own import Facts, TagCode

Told = Annotated[str, Field(min_length=1, max_length=100)]


class PatronsDoc(Strict):
    """Exactly one of these: a kept question, a condition of one, or who is told one by one."""

    question_id: UUID | None = None
    """A kept question about patrons, as it is asked when the edit is asked for."""
    condition: dict[str, Any] | None = Field(
        default=None, description="A tree of conditions: docs/questions.md"
    )
    ids: list[UUID] | None = Field(default=None, max_length=MOST_TOLD)
    barcodes: list[Told] | None = Field(default=None, max_length=MOST_TOLD)

    @model_validator(mode="after")
    def one(self) -> "PatronsDoc":
        """Patrons come from one place; ids and barcodes may come together."""
        told = self.ids is not None or self.barcodes is not None
        if (self.question_id is not None) + (self.condition is not None) + told != 1:
            raise ValueError("name one: question_id, condition, or ids and barcodes")
        return self


class SetDoc(Strict):
    """Facts that become the same for everybody; null empties."""

    group: Code | None = None
    library: Annotated[str, Field(max_length=60)] | None = None
    expires_at: Moment | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def kept(self) -> "SetDoc":
        """A patron has a group, and is active or not."""
        if bare := [
            name
            for name in ("group", "active")
            if name in self.model_fields_set and getattr(self, name) is None
        ]:
            raise ValueError(f"cannot be emptied: {', '.join(bare)}")
        return self


class NoteDoc(Strict):
    """What becomes of staff's note."""

    how: Literal["set", "append", "prepend", "replace"]
    text: Annotated[str, Field(max_length=2000)] = ""
    find: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """With `replace`: the text in whose place the other comes."""

    @model_validator(mode="after")
    def fits(self) -> "NoteDoc":
        """Only what is replaced is looked for; nothing is added to no purpose."""
        if (self.find is not None) != (self.how == "replace"):
            raise ValueError("find belongs to replace, and replace needs it")
        if self.how in ("append", "prepend") and not self.text.strip():
            raise ValueError("there is no text to add")
        return self

    def as_rule(self) -> NoteEdit:
        """As rules put it."""
        return NoteEdit(self.how, self.text, self.find or "")


class TagsDoc(Strict):
    """Tags that are put on and taken off."""

    add: list[TagCode] = Field(default_factory=list, max_length=50)
    remove: list[TagCode] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def apart(self) -> "TagsDoc":
        """No tag is put on and taken off at once."""
        if both := sorted({*self.add} & {*self.remove}):
            raise ValueError(f"both added and removed: {', '.join(both)}")
        return self


class SetBlockDoc(Strict):
    """A block from a template; whoever has one of it already gets no second."""

    template: Code
    expires_at: Moment | None = None
    """Instead of the days that the template says."""


class LiftBlockDoc(Strict):
    """Blocks that staff have set from a template are lifted. What reminders and suspensions set stays."""

    template: Code
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class PatronChangesDoc(Strict):
    """What is to become of each of them; at least one thing."""

    set: SetDoc | None = None
    extend_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """The card ends so many days later than it does; one without an end stays so."""
    note: NoteDoc | None = None
    custom: Facts | None = None
    """By field; null takes one away."""
    statistics: Statistics | None = None
    """By category; null takes one away."""
    tags: TagsDoc | None = None
    block: SetBlockDoc | None = None
    lift: LiftBlockDoc | None = None

    @model_validator(mode="after")
    def some(self) -> "PatronChangesDoc":
        """Something is to change, and nothing in two ways."""
        if not any(getattr(self, name) for name in type(self).model_fields) or (
            self.set is not None and not self.set.model_fields_set
        ):
            raise ValueError("name at least one change")
        if self.extend_days and self.set is not None and "expires_at" in self.set.model_fields_set:
            raise ValueError("expires_at is either set or extended")
        if self.block and self.lift and self.block.template == self.lift.template:
            raise ValueError("a block is either set or lifted")
        return self

    @property
    def told(self) -> dict[str, Any]:
        """What becomes the same for everybody."""
        return {} if self.set is None else self.set.model_dump(exclude_unset=True)

    def until(self, days: int | None, now: datetime) -> datetime | None:
        """When the block that is set runs out, where its template says so many days."""
        assert self.block is not None
        if self.block.expires_at is not None:
            return self.block.expires_at
        return now + timedelta(days=days) if days is not None else None
