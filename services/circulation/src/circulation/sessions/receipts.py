"""The receipt as text: what a printer or a mail needs, in the patron's language where we speak it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Line:
    """An item on the receipt."""

    title: str
    barcode: str | None
    due_at: datetime | None = None
    """Of what went out."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a receipt says in one language."""

    lent: str
    returned: str
    due: str
    nothing: str
    day: str
    moment: str


LANGUAGES: Final = {
    "en": Words(
        "Borrowed ({n})", "Returned ({n})", "due {at}", "Nothing borrowed or returned.", "%d/%m/%Y", "%H:%M"
    ),
    "de": Words(
        "Ausgeliehen ({n})",
        "Zurückgegeben ({n})",
        "fällig am {at}",
        "Nichts ausgeliehen oder zurückgegeben.",
        "%d.%m.%Y",
        "%H:%M Uhr",
    ),
}
USUAL: Final = "en"


def language_of(*wished: str | None) -> str:
    """The first wish we speak (`de-AT` is German), else English."""
    spoken = (word.replace("_", "-").split("-")[0].lower() for word in wished if word)
    return next((word for word in spoken if word in LANGUAGES), USUAL)


def receipt_text(
    *, place: str, at: datetime, zone: str, language: str, lent: Sequence[Line], returned: Sequence[Line]
) -> str:
    """One line an item; a due time at the end of its day is told as a day. No patron's name is on it."""
    words, clock = LANGUAGES[language], ZoneInfo(zone)
    told = [place, _moment(at.astimezone(clock), words)]
    if not lent and not returned:
        return "\n".join([*told, "", words.nothing]) + "\n"
    if lent:
        told += ["", words.lent.format(n=len(lent))]
        told += [f"- {_item(line)}: {words.due.format(at=_due(line.due_at, clock, words))}" for line in lent]
    if returned:
        told += ["", words.returned.format(n=len(returned))]
        told += [f"- {_item(line)}" for line in returned]
    return "\n".join(told) + "\n"


def _item(line: Line) -> str:
    return f"{line.title} ({line.barcode})" if line.barcode else line.title


def _due(due_at: datetime | None, clock: ZoneInfo, words: Words) -> str:
    if due_at is None:
        return "?"
    local = due_at.astimezone(clock)
    return local.strftime(words.day) if (local.hour, local.minute) == (23, 59) else _moment(local, words)


def _moment(local: datetime, words: Words) -> str:
    return local.strftime(f"{words.day} {words.moment}")
