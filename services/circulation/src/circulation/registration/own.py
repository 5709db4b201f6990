"""Facts and tags that a library has decided upon: which there are, who sees them, and what of them leaves the house."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from chassis.custom import Definition, Kind, told
from chassis.problems import Reason
from circulation.places.entries import Name, Strict
from circulation.policies.rules import Flaw

Facts = Annotated[dict[str, Any], Field(max_length=100)]
TagCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")]
Tags = Annotated[list[TagCode], Field(max_length=50)]
CHOOSING: Final = frozenset({Kind.CHOICE, Kind.MANY})


class PatronFieldDoc(Strict):
    """A fact that patrons may have beside the usual ones."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    """As it is called in `custom` and in questions: `patron.custom.supervisor`."""
    name: Name
    kind: Kind = Kind.TEXT
    choices: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=500
    )
    """Of `choice` and `many`."""
    required: bool = False
    """Whoever registers somebody by hand must tell it; what a campus file brings is taken without it."""
    visible: Literal["patron", "staff"] = "staff"
    """Whether patrons see it of themselves."""
    personal: bool = True
    """Whether it says something of the person: then no event, and so no webhook, ever tells it."""

    @property
    def definition(self) -> Definition:
        """As it is held against values."""
        return Definition(self.code, self.kind, tuple(self.choices), self.required)

    def flaws(self, pointer: str) -> list[Flaw]:
        """What is not sound in itself."""
        found = []
        choosing = self.kind in CHOOSING
        if choosing != bool(self.choices):
            words = "A choice needs choices." if choosing else f"A {self.kind} has no choices."
            found.append(Flaw(f"{pointer}/choices", "choices-wrong", words))
        if len(set(self.choices)) < len(self.choices):
            found.append(Flaw(f"{pointer}/choices", "choice-twice", "A choice stands here twice."))
        return found


class PatronTagDoc(Strict):
    """A mark that patrons may bear."""

    code: TagCode
    name: Name
    visible: Literal["patron", "staff"] = "staff"
    """Whether patrons see it of themselves."""
    personal: bool = True
    """Whether it says something of the person: then no event, and so no webhook, ever tells it."""


def facts_after(
    fields: Sequence[PatronFieldDoc],
    before: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    demand: bool = True,
) -> tuple[dict[str, Any], list[Reason]]:
    """The facts after a merge patch (RFC 7396), and all that is wrong with it; `demand`: what is required, too."""
    known = [each.definition for each in fields]
    if not demand:
        known = [Definition(each.code, each.kind, each.choices) for each in known]
    after, faults = told(before, changes, known)
    return after, [Reason(each.code, each.text, each.pointer) for each in faults]


def tags_after(
    tags: Sequence[PatronTagDoc], before: Sequence[str], wanted: Sequence[str]
) -> tuple[list[str], list[Reason]]:
    """The tags once each, and which of them there are none of; one that somebody bears already stays."""
    known = {each.code for each in tags} | set(before)
    mend = f"Those that are configured: {', '.join(sorted(each.code for each in tags)) or 'none'}."
    reasons = [
        Reason("tag-unknown", f"There is no tag {tag!r} here.", f"/tags/{place}", mend)
        for place, tag in enumerate(wanted)
        if tag not in known
    ]
    return list(dict.fromkeys(wanted)), reasons


def seen(
    fields: Sequence[PatronFieldDoc],
    tags: Sequence[PatronTagDoc],
    custom: Mapping[str, Any],
    borne: Sequence[str],
) -> tuple[dict[str, Any], list[str]]:
    """What patrons see of their own facts and tags."""
    theirs = {each.code for each in fields if each.visible == "patron"}
    shown = {each.code for each in tags if each.visible == "patron"}
    return (
        {code: value for code, value in custom.items() if code in theirs},
        [tag for tag in borne if tag in shown],
    )


def abroad(
    fields: Sequence[PatronFieldDoc],
    tags: Sequence[PatronTagDoc],
    custom: Mapping[str, Any],
    borne: Sequence[str],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What events tell of them: of what says nothing of the person. What is configured no more is told no more."""
    told_of = {each.code for each in fields if not each.personal}
    impersonal = {each.code for each in tags if not each.personal}
    facts = {code: tuple(value) if isinstance(value, list) else value for code, value in custom.items()}
    return (
        {code: value for code, value in facts.items() if code in told_of},
        tuple(tag for tag in borne if tag in impersonal),
    )
