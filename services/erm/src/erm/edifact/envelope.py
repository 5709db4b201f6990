"""Interchanges and the messages in them: what encloses them is checked, what they say is not looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from erm.edifact.syntax import Flaw, Segment, Separators, Tokens, Unreadable, decoded, separators_at, written

MOST_MESSAGES: Final = 10_000
"""Of one file."""
MOST_FLAWS: Final = 50
"""That are told at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """From UNH to UNT, as text."""

    reference: str
    kind: str
    """ORDERS, INVOIC …"""
    release: str
    """D.96A, mostly."""
    text: str
    digest: str
    """SHA-256 of what it says, whatever it is called and enclosed in."""
    first_segment: int
    first_line: int
    flaws: tuple[Flaw, ...] = ()
    """Why it cannot be taken: its end does not say what its beginning says."""


@dataclass(slots=True)
class Interchange:
    """From UNB to UNZ."""

    separators: Separators
    level: str
    sender: str
    sender_qualifier: str
    recipient: str
    recipient_qualifier: str
    prepared: str
    """Date and time as its sender says."""
    reference: str
    test: bool
    digest: str = ""
    """SHA-256 of its text without line ends."""
    messages: list[Message] = field(default_factory=list)
    findings: list[Flaw] = field(default_factory=list)
    """What is odd and was read all the same."""


def read_file(content: bytes) -> list[Interchange]:
    """The interchanges of a file; `Unreadable`, with all that can be told, unless every one of them is whole."""
    text, findings = decoded(content)
    tokens = Tokens(text)
    told: list[Interchange] = []
    flaws: list[Flaw] = []
    tokens.skip()
    if tokens.at >= len(text):
        raise Unreadable(Flaw("file-empty", "There is nothing in it."))
    while tokens.at < len(text):
        separators, tokens.at = separators_at(text, tokens.at)
        tokens.use(separators)
        one = _Reading(tokens, flaws).interchange()
        one.findings = [*findings, *one.findings]
        told.append(one)
        if sum(len(each.messages) for each in told) > MOST_MESSAGES:
            raise Unreadable(
                Flaw("too-many-messages", f"A file has {MOST_MESSAGES} messages at most; send it in parts.")
            )
        tokens.skip()
    if flaws:
        raise Unreadable(*flaws[:MOST_FLAWS])
    return told


class _Reading:
    """One interchange; what does not fit is gathered."""

    def __init__(self, tokens: Tokens, flaws: list[Flaw]) -> None:
        self.tokens, self.flaws = tokens, flaws

    def _raw(self, within: str) -> str:
        raw = self.tokens.raw()
        if raw is None:
            text = f"The file ends within {within}: is it whole?"
            raise Unreadable(*self.flaws, Flaw("file-incomplete", text, self.tokens.number, self.tokens.line))
        return raw

    def _next(self, within: str) -> Segment:
        return self.tokens.segment(self._raw(within))

    def interchange(self) -> Interchange:
        start = self.tokens.at
        unb = self._next("an interchange")
        if unb.tag != "UNB":
            raise Unreadable(
                *self.flaws, unb.flaw("unb-missing", "stands where an interchange begins with UNB.")
            )
        one = Interchange(
            self.tokens.separators,
            unb.get(0),
            unb.get(1),
            unb.get(1, 1),
            unb.get(2),
            unb.get(2, 1),
            f"{unb.get(3)}:{unb.get(3, 1)}",
            unb.get(4),
            unb.get(10) == "1",
        )
        self.flaws += [
            unb.flaw("unb-incomplete", f"names no {what}.")
            for what, value in (
                ("sender", one.sender),
                ("recipient", one.recipient),
                ("reference", one.reference),
            )
            if not value
        ]
        broken = self.tokens.broken
        groups = messages = 0
        group: Segment | None = None
        in_group = 0
        while (segment := self._next("an interchange")).tag != "UNZ":
            if segment.tag == "UNG" and group is None:
                group, in_group, groups = segment, 0, groups + 1
            elif segment.tag == "UNE" and group is not None:
                self._ends(segment, count=in_group, reference=group.get(4), of="its group", within="UNG")
                group = None
            elif segment.tag == "UNH":
                one.messages.append(self._message(segment))
                messages, in_group = messages + 1, in_group + 1
            else:
                raise Unreadable(
                    *self.flaws, segment.flaw("segment-misplaced", "has no place between messages.")
                )
        if group is not None:
            self.flaws.append(segment.flaw("group-unended", "ends an interchange whose group has no UNE."))
        self._ends(
            segment, count=groups or messages, reference=one.reference, of="the interchange", within="UNB"
        )
        if not messages:
            self.flaws.append(segment.flaw("interchange-empty", "ends an interchange without a message."))
        if self.tokens.broken > broken:
            text = "Lines are broken within segments; the line ends were left out."
            one.findings.append(Flaw("lines-broken", text))
        one.digest = _digest(f"{one.separators}{self.tokens.text[start : self.tokens.at]}")
        return one

    def _ends(self, end: Segment, *, count: int, reference: str, of: str, within: str) -> None:
        """What closes an envelope repeats what is in it."""
        if _number(end.get(0)) != count:
            self.flaws.append(end.flaw("count-differs", f"counts {end.get(0)!r} in {of}, there are {count}."))
        if end.get(1) != reference:
            text = f"has the reference {end.get(1)!r}, {within} has {reference!r}."
            self.flaws.append(end.flaw("reference-differs", text))

    def _message(self, unh: Segment) -> Message:
        start = self.tokens.at
        count, flaws = 2, []
        while not (raw := self._raw("a message")).startswith("UNT"):
            if raw.startswith(("UNH", "UNZ", "UNE", "UNB")):
                text = f"{raw[:3]} stands within message {unh.get(0)!r}, which has no UNT."
                raise Unreadable(
                    *self.flaws, Flaw("unt-missing", text, self.tokens.number, self.tokens.began)
                )
            count += 1
        segment = self.tokens.segment(raw)
        if _number(segment.get(0)) != count:
            text = f"counts {segment.get(0)!r} segments, there are {count}."
            flaws.append(segment.flaw("count-differs", text))
        if segment.get(1) != unh.get(0):
            text = f"has the reference {segment.get(1)!r}, UNH has {unh.get(0)!r}."
            flaws.append(segment.flaw("reference-differs", text))
        body = self.tokens.text[start : self.tokens.at]
        head = written([unh], self.tokens.separators)
        says = f"{self.tokens.separators}{unh.get(1)} {body[: body.rindex('UNT')]}"
        return Message(
            reference=unh.get(0),
            kind=unh.get(1),
            release=".".join(filter(None, (unh.get(1, 1), unh.get(1, 2)))),
            text=head + body,
            digest=_digest(says),
            first_segment=unh.number,
            first_line=unh.line,
            flaws=tuple(flaws),
        )


def _digest(text: str) -> str:
    return sha256(text.replace("\r", "").replace("\n", "").encode()).hexdigest()


def _number(told: str) -> int:
    return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else -1


@dataclass(frozen=True, slots=True)
class Address:
    """Who sends, or gets, an interchange: a code, and whose code it is (0007: 14 GLN, 31B SAN, ZZ agreed)."""

    code: str
    qualifier: str


def enclosed(
    messages: Sequence[Sequence[Segment]],
    *,
    sender: Address,
    recipient: Address,
    level: str,
    reference: str,
    at: datetime,
    test: bool = False,
) -> Iterator[Segment]:
    """An interchange around messages: segments from UNH to the last before UNT, each."""
    version = "4" if level in ("UNOW", "UNOY") else "3"
    date = at.strftime("%Y%m%d" if version == "4" else "%y%m%d")
    yield Segment(
        "UNB",
        (
            (level, version),
            (sender.code, sender.qualifier),
            (recipient.code, recipient.qualifier),
            (date, at.strftime("%H%M")),
            (reference,),
            *((("",),) * 5 + (("1",),) if test else ()),
        ),
    )
    for message in messages:
        yield from message
        yield Segment("UNT", ((str(len(message) + 1),), (message[0].get(0),)))
    yield Segment("UNZ", ((str(len(messages)),), (reference,)))
