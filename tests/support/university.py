"""A small university for the journeys: the places that made-up records speak of, and rules to lend by."""

from typing import Any

from support.desk import OPEN_EVERY_DAY

LIBRARIES = ("MAIN", "LAW", "SCIENCE")
LOCATIONS = ("STACKS", "READING", "STORAGE")

CATALOG: dict[str, Any] = {
    "institutions": [{"code": "UNI", "name": "The university"}],
    "campuses": [{"code": "CITY", "name": "City campus", "institution": "UNI"}],
    "libraries": [{"code": code, "name": f"{code.title()} library", "campus": "CITY"} for code in LIBRARIES],
    "locations": [
        {"code": code, "name": f"{library.title()} {code.lower()}", "library": library}
        for library in LIBRARIES
        for code in LOCATIONS
    ],
    "material_types": [{"code": "unspecified", "name": "Unspecified"}, {"code": "BOOK", "name": "Book"}],
    "loan_types": [{"code": "standard", "name": "Standard"}],
}

CIRCULATION: dict[str, Any] = {
    "currency": "EUR",
    "service_points": [
        {
            "code": f"{library.lower()}-desk",
            "name": f"{library.title()} desk",
            "library": library,
            "serves": [library],
            "calendar": {"zone": "Europe/Berlin", "weekly": OPEN_EVERY_DAY},
        }
        for library in LIBRARIES
    ],
    "patron_groups": [{"code": "student", "name": "Students", "max_owed": 100000}],
    "loan_policies": [
        {
            "code": "four-weeks",
            "name": "Four weeks",
            "period": {"amount": 28, "unit": "day"},
            "max_renewals": 3,
        }
    ],
    "fine_policies": [{"code": "daily", "name": "Daily", "amount": 25, "unit": "day", "cap": 2000}],
    "hold_policies": [{"code": "usual", "name": "Usual"}],
    "rules": [{"when": {}, "loan": "four-weeks", "fine": "daily", "hold": "usual"}],
}
