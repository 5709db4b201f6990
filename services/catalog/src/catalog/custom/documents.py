"""A fact of a library's own, as configuration."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.custom import Definition, Kind
from chassis.problems import Reason


class CustomFieldDoc(BaseModel):
    """A fact that titles or items may have beside the usual ones."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    """As it is called in `custom` and in questions: `item.custom.donor`."""
    name: Annotated[str, Field(min_length=1, max_length=200)]
    of: list[Literal["titles", "items"]] = Field(min_length=1, max_length=2)
    kind: Kind = Kind.TEXT
    choices: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=500
    )
    """Of `choice` and `many`."""
    required: bool = False
    """Whoever writes such facts by hand must tell it; what is imported is taken without it."""
    visible: Literal["public", "staff"] = "staff"
    """Who sees it."""
    facet: bool = False
    """Of titles, and public: searches are narrowed by it and count it (`filter[custom]=code:value`)."""

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    @property
    def definition(self) -> Definition:
        """As the rules take it."""
        return Definition(self.code, self.kind, tuple(self.choices), self.required)

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return {"code": self.code, "document": self.model_dump_json(exclude={"code"})}

    def flaws(self, place: str) -> Iterator[Reason]:
        """What is not sound in itself."""
        choosing = self.kind in (Kind.CHOICE, Kind.MANY)
        if choosing != bool(self.choices):
            words = "A choice needs choices." if choosing else f"A {self.kind} has no choices."
            yield Reason("choices-wrong", words, f"{place}/choices")
        if len(set(self.choices)) < len(self.choices):
            yield Reason("choice-twice", "A choice stands here twice.", f"{place}/choices")
        if self.facet and ("titles" not in self.of or self.visible != "public"):
            yield Reason(
                "facet-hidden",
                "Searches are narrowed by what titles tell the public.",
                f"{place}/facet",
                'Let it be of titles and "visible": "public".',
            )
