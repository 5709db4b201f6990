"""What a style asks of a title: who, when, what, where, from its CSL item."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.citations.csl import Csl, named
from catalog.citations.scripts import apart
from catalog.citations.styles.casing import titled
from catalog.citations.styles.names import Manner, Name, listed
from catalog.citations.styles.phrases import NOTHING, Phrase, said
from catalog.citations.styles.words import Words

SHORT: Final = {"editor": ("ed.", "eds."), "translator": ("trans.", "trans."), "director": ("dir.", "dir.")}
_RANGE: Final = re.compile(r"(?<=\w)\s*[-–—]\s*(?=\w)")


@dataclass(frozen=True, slots=True)
class Source:
    """One CSL item and the words of a locale."""

    item: Csl
    words: Words

    @property
    def kind(self) -> str:
        """The type that CSL gives it."""
        return str(self.item["type"])

    @property
    def authors(self) -> Sequence[Name]:
        """Authors, or who composed it."""
        found: Sequence[Name] = self.item.get("author") or self.item.get("composer") or ()
        return self._in_script(found)

    def of(self, role: str) -> Sequence[Name]:
        """Whoever had this role."""
        found: Sequence[Name] = self.item.get(role) or ()
        return self._in_script(found)

    def _in_script(self, names: Sequence[Name]) -> Sequence[Name]:
        """Names with what they are in their own script, where the record tells it."""
        known: dict[str, str] = self._scripts.get("names", {})
        if not known:
            return names
        return [
            each | {"original": apart(known[name])} if (name := named(each)) in known else each
            for each in names
        ]

    @property
    def _scripts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.item.get("custom", {}).get("scripts", {})
        return found

    @property
    def original_title(self) -> str:
        """The title in its own script, where the record has that beside the transcription."""
        return apart(self._scripts.get("title", ""))

    @property
    def heads(self) -> tuple[Sequence[Name], str]:
        """Who stands first, and as what: authors, else a director, else editors, else translators, else nobody."""
        if self.authors:
            return self.authors, "author"
        for role in ("director", "editor", "translator"):
            if found := self.of(role):
                return found, role
        return (), "author"

    def who(self, manner: Manner) -> Phrase:
        """Those who stand first."""
        return listed(self.heads[0], manner, self.words)

    def others(self, role: str, manner: Manner) -> Phrase:
        """Those of a role, unless they stand first already."""
        found = self.of(role)
        return listed(found, manner, self.words) if found and self.heads[1] != role else NOTHING

    def others_or_heads(self, role: str, manner: Manner) -> Phrase:
        """Those of a role, whoever stands first."""
        return listed(self.of(role), manner, self.words)

    def label(self, role: str, one: str | None = None, many: str | None = None) -> str:
        """What those of a role are called, one or several; shortly, unless it is said otherwise."""
        short = SHORT[role]
        return self.words((many if len(self.of(role)) > 1 else one) or short[len(self.of(role)) > 1])

    def text(self, key: str) -> str:
        """A value, or nothing; with single blanks."""
        return " ".join(str(self.item.get(key) or "").split())

    def title(self, key: str = "title", *, capitals: bool = False) -> str:
        """The title; with capitals where it is English and the style wants them."""
        told = self.text(key)
        return titled(told) if capitals and self.text("language")[:2] == "en" else told

    @property
    def year(self) -> str:
        """The year, or nothing; with a letter where a list needs one."""
        if "issued" not in self.item:
            return ""
        return f"{self.item['issued']['date-parts'][0][0]}{self.item.get('year-suffix', '')}"

    @property
    def edition(self) -> str:
        """The edition in the locale's words."""
        return self.words.edition(self.item.get("edition")) or ""

    @property
    def medium(self) -> str:
        """What it is when it is no text to read."""
        kinds = ("map", "musical_score", "motion_picture", "song", "graphic", "software")
        return self.words(self.kind) if self.kind in kinds else ""

    @property
    def doi(self) -> str:
        """The DOI, bare."""
        return self.text("DOI")

    @property
    def link(self) -> str:
        """Where it is: the DOI's address before any other."""
        return f"https://doi.org/{self.doi}" if self.doi else self.text("URL")

    def pages(self, *, label: bool = True, dash: str = "–") -> str:
        """The pages of a part, with what they are called."""
        told = _RANGE.sub(dash, self.text("page"))
        if not told or not label:
            return told
        return f"{self.words('pp.' if dash in told or ',' in told else 'p.')} {told}"

    def numbered(self, key: str, label: str) -> Phrase:
        """A volume or issue with what it is called."""
        return said(f"{self.words(label)} {self.text(key)}") if self.text(key) else NOTHING

    def place_and_publisher(self, between: str = ": ") -> Phrase:
        """Both, or the one there is."""
        return said(between.join(filter(None, (self.text("publisher-place"), self.text("publisher")))))
