"""What is to be changed, as a document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.bulkedits.own_rules import OwnEdit, TagsEdit
from catalog.bulkedits.rules import NoteEdit
from catalog.conditions.vocabulary import Kind
from catalog.fixedfields.rules import layouts
from catalog.holdings.routes import HoldingsChange
from catalog.items.routes import ItemChange, as_columns

DataTag = Annotated[
    str, Field(pattern=r"^(0[1-9][0-9]|[1-9][0-9]{2})$", description="A data field: 010 to 999")
]
Code = Annotated[str, Field(pattern=r"^[a-z0-9]$")]
Indicator = Annotated[str, Field(pattern=r"^[ a-z0-9]$", description="A blank for none")]
Value = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x1d-\x1f\x00]+$")]
Match = Literal["is", "contains", "starts", "ends"]


class Strict(BaseModel):
    """Nothing that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Where(Strict):
    """Which of the fields with a tag: all of this must be so."""

    ind1: Indicator | None = None
    ind2: Indicator | None = None
    code: Code | None = None
    """There is such a subfield …"""
    value: Value | None = None
    """… of this value, compared as `match` says."""
    match: Match = "is"
    ignore_case: bool = False
    unless: bool = False
    """The fields of which it is not so."""

    @model_validator(mode="after")
    def of_a_subfield(self) -> "Where":
        """A value is some subfield's."""
        if self.value is not None and self.code is None:
            raise ValueError("a value needs the code of its subfield")
        return self


class SubfieldDoc(Strict):
    """A subfield."""

    code: Code
    value: Value


class AddField(Strict):
    """A field that every title is to have; one that has the very same is left as it is."""

    do: Literal["add-field"]
    tag: DataTag
    ind1: Indicator = " "
    ind2: Indicator = " "
    subfields: list[SubfieldDoc] = Field(min_length=1, max_length=50)
    only_absent: bool = False
    """Only titles that have no field with this tag."""


class RemoveField(Strict):
    """Fields are taken out, with their halves in other scripts (880)."""

    do: Literal["remove-field"]
    tag: DataTag
    where: Where | None = None


class MoveField(Strict):
    """Fields are given another tag, and stand where that belongs."""

    do: Literal["move-field"]
    tag: DataTag
    to_tag: DataTag
    where: Where | None = None


class RemoveSubfield(Strict):
    """Subfields are taken out; a field that has none left goes."""

    do: Literal["remove-subfield"]
    tag: DataTag
    code: Code
    value: Value | None = None
    """Only those of this value, compared as `match` says."""
    match: Match = "is"
    where: Where | None = None


class SetSubfield(Strict):
    """The first subfield of that code has this value from now on; a field that has none is given one at its end."""

    do: Literal["set-subfield"]
    tag: DataTag
    code: Code
    value: Value
    only_absent: bool = False
    where: Where | None = None


class ReplaceText(Strict):
    """Text within subfields is replaced; what is left empty goes.

    `find` is meant literally: anywhere (`part`), as the `whole` value, at its `start` or its `end`. In a `pattern` a
    `#` stands for any digit and a `?` for any character, a backslash takes the next one as it is: each sign is for
    exactly one character, so that nothing is ever tried twice.
    """

    do: Literal["replace-text"]
    tag: DataTag
    code: Code
    find: Value
    replacement: str = Field(default="", max_length=2000, pattern=r"^[^\x1d-\x1f\x00]*$")
    match: Literal["part", "whole", "start", "end", "pattern"] = "part"
    ignore_case: bool = False
    where: Where | None = None


class MoveSubfield(Strict):
    """Subfields are given another code, or another field with that tag of its own; copied, they stay as well."""

    do: Literal["move-subfield", "copy-subfield"]
    tag: DataTag
    code: Code
    to_code: Code
    to_tag: DataTag | None = None
    where: Where | None = None


class SetIndicator(Strict):
    """An indicator has this value from now on."""

    do: Literal["set-indicator"]
    tag: DataTag
    indicator: Literal[1, 2]
    value: Indicator
    where: Where | None = None


class SetElement(Strict):
    """One thing that the leader, 006, 007 or 008 says has this value from now on (`GET /v1/fixed-fields`): a word or
    code, a list of them, or a text. A field that has no such element is left as it is, and none is added."""

    do: Literal["set-element"]
    tag: Literal["LDR", "006", "007", "008"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    value: Annotated[str, Field(max_length=40)] | list[Annotated[str, Field(max_length=40)]]

    @model_validator(mode="after")
    def there(self) -> "SetElement":
        """Some field with this tag has such an element."""
        if not any(
            self.name == element.name
            for layout in layouts().values()
            if layout.tag == self.tag
            for element in layout.elements
        ):
            raise ValueError(f"no {self.tag} has an element {self.name}")
        return self


Action = Annotated[
    AddField
    | RemoveField
    | MoveField
    | RemoveSubfield
    | SetSubfield
    | ReplaceText
    | MoveSubfield
    | SetIndicator
    | SetElement,
    Field(discriminator="do"),
]


Tag = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class TagsDoc(Strict):
    """What becomes of tags."""

    add: list[Tag] = Field(default_factory=list, max_length=50)
    remove: list[Tag] = Field(default_factory=list, max_length=50)
    replace: list[Tag] | None = Field(default=None, max_length=50)
    """These, and no others; an empty list takes all of them off."""

    @model_validator(mode="after")
    def one_thing(self) -> "TagsDoc":
        """Some are put on and taken off, or all of them are set."""
        if self.replace is not None and (self.add or self.remove):
            raise ValueError("replace all tags, or add and remove some")
        if self.replace is None and not self.add and not self.remove:
            raise ValueError("nothing is to be changed")
        if both := sorted(set(self.add) & set(self.remove)):
            raise ValueError(f"are to be added and removed: {', '.join(both)}")
        return self

    def edit(self) -> TagsEdit:
        """As the rules take it."""
        replace = tuple(self.replace) if self.replace is not None else None
        return TagsEdit(tuple(self.add), tuple(self.remove), replace)


class TitlesEdit(Strict):
    """Titles: what becomes of their fields, one after the other, whether the public sees them, and what becomes of
    their tags and of what is the library's own."""

    fields: list[Action] = Field(default_factory=list, max_length=50)
    suppressed: bool | None = None
    tags: TagsDoc | None = None
    custom: dict[str, Any] = Field(default_factory=dict, max_length=100)
    """Facts of the library's own, by the codes of its configuration: what is left out stays, null clears."""

    @model_validator(mode="after")
    def something(self) -> "TitlesEdit":
        """There is something to do."""
        if not self.fields and self.suppressed is None and self.tags is None and not self.custom:
            raise ValueError("nothing is to be changed")
        return self


class NoteDoc(Strict):
    """What becomes of an item's note."""

    how: Literal["append", "prepend", "replace"]
    text: str = Field(default="", max_length=500)
    find: str | None = Field(default=None, min_length=1, max_length=500)
    """What is replaced by the text."""

    @model_validator(mode="after")
    def found(self) -> "NoteDoc":
        """Only a replacement looks for something."""
        if (self.find is not None) != (self.how == "replace"):
            raise ValueError("find belongs to replace, and to nothing else")
        return self


_ALONE = ("barcode", "bound_with", "other_call_numbers")


class ItemSet(ItemChange):
    """Facts that all items are to have: as a change of one item, but for what is an item's alone."""

    @model_validator(mode="after")
    def of_many(self) -> "ItemSet":
        """A barcode is one item's, and so is what it is bound with."""
        if alone := [name for name in _ALONE if name in self.model_fields_set]:
            raise ValueError(f"are one item's alone: {', '.join(alone)}")
        return self


class ItemsEdit(Strict):
    """Items: facts that they are to have, and what becomes of their note and their tags."""

    set: ItemSet = Field(default_factory=ItemSet)
    note: NoteDoc | None = None
    tags: TagsDoc | None = None

    @model_validator(mode="after")
    def something(self) -> "ItemsEdit":
        """There is something to do, and one thing to do with the note."""
        if not self.set.model_fields_set and self.note is None and self.tags is None:
            raise ValueError("nothing is to be changed")
        if self.tags is not None and "tags" in self.set.model_fields_set:
            raise ValueError("set tags, or change them")
        if self.note is not None and "note" in self.set.model_fields_set:
            raise ValueError("set a note, or change it")
        return self


class HoldingsEdit(Strict):
    """Holdings: facts that they are to have. Items that stand where the holdings stood come along."""

    set: HoldingsChange

    @model_validator(mode="after")
    def something(self) -> "HoldingsEdit":
        """There is something to do."""
        if not self.set.model_fields_set:
            raise ValueError("nothing is to be changed")
        if "other_call_numbers" in self.set.model_fields_set:
            raise ValueError("other_call_numbers are one holdings' alone")
        return self


class ChangesDoc(Strict):
    """What is to be changed: of titles, of holdings or of items."""

    titles: TitlesEdit | None = None
    holdings: HoldingsEdit | None = None
    items: ItemsEdit | None = None

    @model_validator(mode="after")
    def one(self) -> "ChangesDoc":
        """An edit is about one kind."""
        if sum(each is not None for each in (self.titles, self.holdings, self.items)) != 1:
            raise ValueError("name one: titles, holdings or items")
        return self

    @property
    def kind(self) -> Kind:
        """What is changed."""
        if self.titles is not None:
            return Kind.TITLES
        return Kind.HOLDINGS if self.holdings is not None else Kind.ITEMS

    @property
    def told(self) -> dict[str, Any]:
        """Facts that all of them are to have, as columns."""
        if self.items is not None:
            return as_columns(self.items.set.model_dump(exclude_unset=True, exclude={"custom"}))
        return self.holdings.set.model_dump(exclude_unset=True) if self.holdings is not None else {}

    @property
    def note(self) -> NoteEdit | None:
        """What becomes of notes."""
        told = self.items.note if self.items is not None else None
        return NoteEdit(told.how, told.text, told.find or "") if told is not None else None

    @property
    def own(self) -> OwnEdit:
        """What becomes of tags and of what is the library's own."""
        told = self.titles if self.titles is not None else self.items
        if told is None:
            return OwnEdit()
        custom = told.custom if isinstance(told, TitlesEdit) else told.set.custom
        return OwnEdit(told.tags.edit() if told.tags is not None else None, custom or {})

    def kept(self) -> dict[str, Any]:
        """To be read again: what is not said stays unsaid."""
        return self.model_dump(mode="json", exclude_unset=True)
