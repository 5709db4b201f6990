"""Where the demo library is: institution, campuses, libraries, locations, and desks with their calendars."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from carrel.demo.sheets import document


@dataclass(frozen=True, slots=True)
class Location:
    """Where items stand, with its place in the tree."""

    code: str
    name: str
    library: str
    library_name: str
    campus: str
    institution: str


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day on which a calendar is closed."""

    name: str
    on: date


def places() -> dict[str, Any]:
    """Locations and types as the catalogue's configuration document has them."""
    found: dict[str, Any] = document("places")
    return found


def locations() -> list[Location]:
    """All forty."""
    told = places()
    libraries = {library["code"]: library for library in told["libraries"]}
    campuses = {campus["code"]: campus for campus in told["campuses"]}
    return [
        Location(
            code=each["code"],
            name=each["name"],
            library=each["library"],
            library_name=libraries[each["library"]]["name"],
            campus=libraries[each["library"]]["campus"],
            institution=campuses[libraries[each["library"]]["campus"]]["institution"],
        )
        for each in told["locations"]
    ]


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the computus that Nature printed anonymously in 1876."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leaps, over = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - correction + 15) % 30
    quads, rest = divmod(of_century, 4)
    weekday = (32 + 2 * over + 2 * quads - epact - rest) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def holidays(calendar: str, year: int) -> list[Holiday]:
    """The closed days of a calendar in one year, in order."""
    found = [
        Holiday(
            told["name"],
            easter(year) + timedelta(days=told["easter"])
            if "easter" in told
            else date(year, told["month"], told["day"]),
        )
        for told in document("service_points")["holidays"][calendar]
    ]
    return sorted(found, key=lambda holiday: holiday.on)


def service_points(year: int) -> list[dict[str, Any]]:
    """The desks as the configuration document has them; holidays of the year before, this and the next.

    The year before counts too: what was lent in December is fined in January by the days that were open.
    """
    return [
        {
            "code": told["code"],
            "name": told["name"],
            "library": told["library"],
            "serves": told["serves"],
            "pickup": told["pickup"],
            "calendar": {
                "zone": told["zone"],
                "weekly": told["weekly"],
                "exceptions": {
                    holiday.on.isoformat(): []
                    for each in (year - 1, year, year + 1)
                    for holiday in holidays(told["holidays"], each)
                },
            },
        }
        for told in document("service_points")["service_points"]
    ]
