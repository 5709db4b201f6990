"""Two hundred invented patrons: names put together by chance, many scripts, one seed."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from carrel.demo.barcodes import patron_barcode
from carrel.demo.sheets import document

SEED: Final = 1876
COUNTS: Final = {
    "undergraduate": 90,
    "graduate": 35,
    "doctoral": 18,
    "faculty": 20,
    "staff": 14,
    "emeritus": 5,
    "alumni": 10,
    "external": 8,
}
_TERMS: Final = {"undergraduate": 900, "graduate": 600, "doctoral": 1200, "alumni": 365, "external": 180}
"""At most so many days until a card expires; the other groups' cards last ten years, emeriti's for ever."""
_EXPIRED_EVERY: Final = 29
_LIBRARIES: Final = ("main", "main", "main", "science", "science", "porto")


@dataclass(frozen=True, slots=True)
class DemoPatron:
    """Somebody who might borrow."""

    barcode: str
    external_id: str
    group: str
    family_name: str
    given_name: str | None
    family_first: bool
    """Whether the family name is said first."""
    email: str
    language: str
    library: str
    expires_at: datetime | None

    @property
    def spoken(self) -> str:
        """The name in the order in which it is said."""
        if self.given_name is None:
            return self.family_name
        parts = (self.given_name, self.family_name)
        return " ".join(reversed(parts) if self.family_first else parts)

    def registration(self) -> dict[str, Any]:
        """The body of POST /v1/patrons."""
        return {
            "barcode": self.barcode,
            "external_id": self.external_id,
            "group": self.group,
            "family_name": self.family_name,
            "given_name": self.given_name,
            "email": self.email,
            "language": self.language,
            "library": self.library,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


def patrons(today: date) -> list[DemoPatron]:
    """All of them; the same for every run but for the dates, which hang on today."""
    random = Random(SEED)  # noqa: S311 - names, not secrets
    groups = [group for group, count in COUNTS.items() for _ in range(count)]
    names = _names(random, len(groups))
    random.shuffle(groups)
    made = []
    for count, (group, (origin, family, given)) in enumerate(zip(groups, names, strict=True), 1):
        external_id = f"bm{10_000 + count * 7}"
        made.append(
            DemoPatron(
                barcode=patron_barcode(count),
                external_id=external_id,
                group=group,
                family_name=family,
                given_name=given,
                family_first=origin.get("family_first", False),
                email=f"{_local_part(family, given, external_id)}@example.edu",
                language=origin["language"],
                library=random.choice(_LIBRARIES),
                expires_at=_expiry(random, group, count, today),
            )
        )
    return made


def _names(random: Random, wanted: int) -> list[tuple[dict[str, Any], str, str | None]]:
    """As many different people as wanted, whatever their names are made of."""
    possible = [
        (origin, family, given)
        for origin in document("names")
        for family in origin["family"]
        for given in origin["given"] or [None]
    ]
    random.shuffle(possible)
    single = [name for name in possible if name[2] is None]
    others = [name for name in possible if name[2] is not None]
    chosen = single + others[: wanted - len(single)]
    random.shuffle(chosen)
    return chosen


def _local_part(family: str, given: str | None, fallback: str) -> str:
    """The name in plain Latin letters where it has them, else the id."""
    words = [_latin(part) for part in (given or "", family)]
    return ".".join(word for word in words if word) if all(map(str.isascii, words)) and words[1] else fallback


_NOT_COMPOSED: Final = {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "þ": "th", "ð": "d"}
"""Latin letters whose mark Unicode does not take off."""


def _latin(text: str) -> str:
    """Without marks, blanks and apostrophes; letters of other scripts stay."""
    folded = "".join(_NOT_COMPOSED.get(char, char) for char in text.casefold())
    bare = unicodedata.normalize("NFKD", folded)
    return "".join(char for char in bare if not unicodedata.combining(char) and char not in "'’ -.")


def _expiry(random: Random, group: str, count: int, today: date) -> datetime | None:
    """The end of a day in UTC; every 29th card has run out already."""
    longest = _TERMS.get(group, 3650)
    days = random.randint(40, longest)
    if group == "emeritus":
        return None
    if count % _EXPIRED_EVERY == 0:
        days = -random.randint(5, 200)
    return datetime.combine(today + timedelta(days=days), time(21, 59, 59), UTC)
