"""Text with italics and bold, put together so that no punctuation stands twice."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from typing import Final

_ENDED: Final = re.compile(r"[.?!…][”’“»\"']?\s*$")


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that look alike."""

    text: str
    italic: bool = False
    bold: bool = False


Phrase = tuple[Run, ...]
NOTHING: Final[Phrase] = ()


def said(text: str | None) -> Phrase:
    """Upright; nothing for no text."""
    return (Run(text),) if text else NOTHING


def italic(text: str | None) -> Phrase:
    """In italics."""
    return (Run(text, italic=True),) if text else NOTHING


def bold(text: str | None) -> Phrase:
    """In bold."""
    return (Run(text, bold=True),) if text else NOTHING


def glued(*parts: Phrase | str | None) -> Phrase:
    """One behind the other, as they are."""
    told: list[Run] = []
    for part in parts:
        told += said(part) if isinstance(part, str) or part is None else part
    return tuple(told)


def around(before: str, phrase: Phrase, behind: str) -> Phrase:
    """A phrase between two marks; nothing where it says nothing."""
    return glued(before, phrase, behind) if phrase else NOTHING


def joined(parts: Iterable[Phrase], separator: str) -> Phrase:
    """Those that say something, with the separator between them; its full stop is left out behind one."""
    told: Phrase = NOTHING
    for part in parts:
        if not part:
            continue
        if told:
            dot = separator.startswith(".") and _is_ended(told)
            told = glued(told, separator[1:] if dot else separator)
        told = glued(told, part)
    return told


def ended(phrase: Phrase) -> Phrase:
    """With a full stop, unless it ends already."""
    return phrase if not phrase or _is_ended(phrase) else glued(phrase, ".")


def _is_ended(phrase: Phrase) -> bool:
    return _ENDED.search("".join(run.text for run in phrase[-2:])) is not None


def capital(phrase: Phrase) -> Phrase:
    """With a capital letter first."""
    if not phrase:
        return phrase
    first, *rest = phrase
    return (replace(first, text=first.text[:1].upper() + first.text[1:]), *rest)


def plain(phrase: Phrase) -> str:
    """As text."""
    return "".join(run.text for run in phrase).strip()


def marked(phrase: Phrase) -> str:
    """As HTML: `i` and `b`, and nothing of the text's own."""
    told = []
    for run in phrase:
        text = escape(run.text)
        text = f"<b>{text}</b>" if run.bold else text
        told.append(f"<i>{text}</i>" if run.italic else text)
    return "".join(told).strip()
