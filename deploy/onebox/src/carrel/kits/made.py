"""A made library, small and with every oddity of a real one: what the samples of all four systems are written from.

Nobody in it lives, no book in it was printed. Ids are numbers; each system writes them in its own way.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = "Europe/Berlin"
BERLIN: Final = ZoneInfo(ZONE)
NOBODY: Final = 999
"""A patron whom no file has."""
_FAMILY: Final = ("Arndt", "Bełz", "Castro", "Dürer", "Eide", "Faȝan", "Grün", "Håkon", "Ito", "Jørn")
_GIVEN: Final = ("Ada", "Björn", "Chloé", "Dmitri", "Elif", "Frida")
_WORDS: Final = ("Rivers", "Bridges", "Ferries", "Harbours", "Locks", "Canals", "Weirs", "Mills")
_ABOUT: Final = ("of the north", "in winter", "and their keepers", "before the railways", "by night")


@dataclass(frozen=True, slots=True)
class MadeItem:
    """A copy."""

    number: int
    title: int
    barcode: str | None
    library: str
    shelf: str
    kind: str = "book"
    lending: str = "normal"
    call_number: str = ""
    volume: str | None = None
    copy: str | None = None


@dataclass(frozen=True, slots=True)
class MadeTitle:
    """A book."""

    number: int
    title: str
    author: str
    year: int
    items: tuple[MadeItem, ...]


@dataclass(frozen=True, slots=True)
class MadePatron:
    """Somebody."""

    number: int
    family: str
    given: str
    barcode: str
    group: str
    expires: date
    user: str
    email: str


@dataclass(frozen=True, slots=True)
class MadeLoan:
    """Something lent, by the clock on the wall."""

    number: int
    patron: int
    item: int
    lent: datetime
    due: datetime
    renewals: int
    library: str


@dataclass(frozen=True, slots=True)
class MadeHold:
    """Something wanted."""

    number: int
    patron: int
    title: int
    place: int
    placed: date
    library: str
    item: int | None = None
    ready: bool = False
    until: date | None = None


@dataclass(frozen=True, slots=True)
class MadeFee:
    """Something owed, in cents."""

    number: int
    patron: int
    kind: str
    amount: int
    remaining: int
    charged: date
    loan: int | None = None
    item: int | None = None


@dataclass(frozen=True, slots=True)
class MadeLibrary:
    """All of it."""

    titles: list[MadeTitle]
    patrons: list[MadePatron]
    loans: list[MadeLoan]
    holds: list[MadeHold]
    fees: list[MadeFee]
    odd: dict[str, int] = field(default_factory=dict)
    """Which number is odd in which way."""

    @property
    def items(self) -> list[MadeItem]:
        """Every copy."""
        return [item for title in self.titles for item in title.items]


def library(today: date) -> MadeLibrary:
    """As it stands on a day: what is out was lent in the weeks before, some of it is overdue."""
    titles, number = [], 0
    for n in range(1, 41):
        items = []
        for copy in range(1, 3 if n <= 20 else 2):
            number += 1
            library_, shelf = (("MAIN", "ST"), ("MAIN", "LAW"), ("SCI", "ST"))[number % 3]
            barcode = None if number == 7 else f"3100{11 if number == 12 else number:04}"
            items.append(
                MadeItem(
                    number,
                    n,
                    barcode,
                    library_,
                    shelf,
                    "film" if n == 33 else "book",
                    "reference" if n == 40 else "normal",
                    f"TC {100 + n} .M3",
                    volume="v. 2" if n == 5 and copy == 2 else None,
                    copy=str(copy) if n <= 20 else None,
                )
            )
        title = f"{_WORDS[n % 8]} {_ABOUT[n % 5]}"
        author = f"{_FAMILY[n % 10]}, {_GIVEN[n % 6]}"
        titles.append(MadeTitle(n, f"{title}, {n}", author, 1950 + n, tuple(items)))
    patrons = [
        MadePatron(
            n,
            _FAMILY[n % 10],
            _GIVEN[n % 6],
            f"2900{n:04}",
            ("student", "teacher", "guest")[n % 3],
            date(today.year - 1, 6, 30) if n == 5 else date(today.year + 1, 6, 30),
            f"user{n}",
            f"user{n}@example.org",
        )
        for n in range(1, 31)
    ]
    loans = []
    for n in range(1, 16):
        lent = datetime.combine(today - timedelta(days=70 - 4 * n), datetime.min.time()).replace(
            hour=9 + n % 8, minute=n
        )
        due = (lent + timedelta(days=35)).replace(hour=23, minute=59)
        patron = NOBODY if n == 15 else n
        loans.append(MadeLoan(n, patron, 2 * n, lent, due, n % 4, "SCI" if n % 5 == 0 else "MAIN"))
    day = today - timedelta(days=20)
    holds = [
        MadeHold(1, 20, 1, 2, day, "MAIN"),
        MadeHold(2, 21, 1, 1, day + timedelta(days=5), "SCI"),
        MadeHold(3, 22, 1, 3, day + timedelta(days=1), "MAIN", until=today + timedelta(days=90)),
        MadeHold(4, 23, 2, 1, day, "MAIN", item=3, ready=True, until=today + timedelta(days=4)),
        MadeHold(5, 24, 2, 2, day + timedelta(days=2), "MAIN"),
        MadeHold(6, 25, 3, 1, day, "SCI", item=6),
        MadeHold(7, 26, 30, 1, day, "MAIN"),
        MadeHold(8, NOBODY, 31, 1, day, "MAIN"),
    ]
    fees = [
        MadeFee(n, n, "late" if n % 2 else "damage", 250 * n, 250 * n, today - timedelta(days=30 + n))
        for n in range(1, 11)
    ]
    fees[1] = replace(fees[1], remaining=125)
    fees[2] = replace(fees[2], loan=3, item=6)
    fees[3] = replace(fees[3], remaining=0)
    odd = {
        "item without barcode": 7,
        "item with another's barcode": 12,
        "expired patron": 5,
        "loan of an unknown patron": 15,
        "hold of an unknown patron": 8,
        "fee partly paid": 2,
        "fee settled": 4,
    }
    return MadeLibrary(titles, patrons, loans, holds, fees, odd)
