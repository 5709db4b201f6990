"""Leader, 006, 007 and 008: what MARC 21 says by position."""

from typing import Final

from carrel.demo.codes import COUNTRIES
from carrel.demo.titles import Format, Title

ENTERED: Final = "260901"
"""When the demo's records were entered (008/00-05)."""

_KINDS: Final = {
    Format.BOOK: "am",
    Format.EBOOK: "am",
    Format.JOURNAL: "as",
    Format.SCORE: "cm",
    Format.MAP: "em",
    Format.FILM: "gm",
    Format.AUDIO: "jm",
}
_LITERARY: Final = {"novel": "f", "poetry": "p", "drama": "d", "essays": "e", "stories": "j"}


def leader(title: Title) -> str:
    """A full record by RDA with ISBD punctuation, in Unicode."""
    return f"00000n{_KINDS[title.format]} a2200000 i 4500"


def material(title: Title) -> str | None:
    """006 for what is electronic."""
    return "m     o  d        " if title.format is Format.EBOOK else None


def physical(title: Title) -> str:
    """007."""
    match title.format:
        case Format.EBOOK:
            return "cr |n|||||||||"
        case Format.SCORE:
            return "qu"
        case Format.MAP:
            return "ad canzn" if "atlas" in title.facts else "aj canzn"
        case Format.FILM:
            colour = "b" if "bw" in title.facts else "c"
            sound = " " if "silent" in title.facts else "a"
            return f"vd {colour}v{sound}iz{'|' if sound == ' ' else 'u'}"
        case Format.AUDIO:
            return "sd fsngnnmmned"
        case _:
            return "ta"


def coded(title: Title) -> str:
    """008."""
    place = COUNTRIES[title.country or title.place].ljust(3)
    return f"{ENTERED}{_dates(title)}{place}{_particulars(title)}{title.language} d"


def _dates(title: Title) -> str:
    if title.format is Format.JOURNAL:
        return f"d{title.year}{title.to_year}" if title.to_year else f"c{title.year}9999"
    return f"m{title.year}{title.to_year}" if title.to_year else f"s{title.year}    "


def _particulars(title: Title) -> str:
    """008/18-34."""
    online = "o" if title.format is Format.EBOOK else " "
    match title.format:
        case Format.JOURNAL:
            return f"{title.frequency or 'u'}r p       0   a0"
        case Format.SCORE:
            return "uuu".ljust(12) + "n ".ljust(5)
        case Format.AUDIO:
            return "uun".ljust(15) + "n "
        case Format.MAP:
            return f"       {'e' if 'atlas' in title.facts else 'a'}     0   "
        case Format.FILM:
            technique = "a" if "anim" in title.facts else "l"
            return f"{title.minutes or 0:03d} g          v{technique}"
        case _:
            literary = _LITERARY.get(title.facts.get("genre", ""), "0")
            illustrated = "a   " if any(person.role == "ill" for person in title.contributors) else "    "
            contents = "b   " if title.year >= 1950 and literary == "0" else "    "
            return f"{illustrated} {online}{contents} 000 {literary} "
