"""Headings for people and bodies, as catalogues write them: `Woolf, Virginia, 1882-1941`, `=Ordnance Survey`."""

import re
from dataclasses import dataclass
from typing import Final

TITLES: Final = re.compile(
    r"^(of |the |Saint|Emperor|King|Queen|Czar|Holy Roman|graf$|Baron$|marchese |marquis )"
)
FULLER: Final = re.compile(r" (\([^)]*\))$")
FAMILY_FIRST: Final = frozenset({"chi", "jpn", "hun", "kor"})
"""Languages whose title pages name the family first."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A name taken apart into the subfields of X00 or X10."""

    name: str
    fuller: str | None = None
    titles: str | None = None
    dates: str | None = None
    corporate: bool = False

    @property
    def surname_first(self) -> bool:
        """Entered under a family name."""
        return not self.corporate and ", " in self.name

    def direct(self, language: str) -> str:
        """The name as a title page in that language has it."""
        family, comma, given = self.name.partition(", ")
        if not comma or self.corporate:
            return self.name
        return f"{family} {given}" if language in FAMILY_FIRST else f"{given} {family}"

    def subfields(self) -> list[tuple[str, str]]:
        """$a $q $c $d, each with the comma that leads to the next; none at the end."""
        parts = [("a", self.name)]
        if self.fuller:
            parts.append(("q", self.fuller))
        if self.titles:
            parts.append(("c", self.titles))
        if self.dates:
            parts.append(("d", self.dates))
        joined = []
        for place, (code, text) in enumerate(parts):
            leads_on = place + 1 < len(parts) and parts[place + 1][0] != "q"
            joined.append((code, text + "," if leads_on else text))
        return joined


def heading(text: str) -> Heading:
    """Take a heading apart; a leading `=` marks a corporate body."""
    if text.startswith("="):
        return Heading(text[1:], corporate=True)
    parts = text.split(", ")
    dates = parts.pop() if len(parts) > 1 and re.search(r"\d", parts[-1]) else None
    length = 2 if len(parts) > 1 and not TITLES.match(parts[1]) else 1
    name, titles = ", ".join(parts[:length]), ", ".join(parts[length:]) or None
    fuller = FULLER.search(name)
    if fuller:
        name = name[: fuller.start()]
    return Heading(name, fuller.group(1) if fuller else None, titles, dates)
