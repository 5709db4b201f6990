"""Who and what is in the library of the stories, and the rules that hold there."""

from typing import Any

from circulation.app import SERVICE
from support.desk import CONFIGURATION
from support.money import FEES

PATRONS = ("Ada", "Ben", "Cleo", "Dan")
"""Cleo is a visitor, who may have two loans."""
ITEMS = ("Emma 1", "Emma 2", "Emma at law", "Atlas", "Film 1", "Film 2", "Map")
"""Films cost something and have a deposit; the map is used in the library alone."""
TITLES = ("Emma", "Atlas", "Film", "Map")
DESKS = ("main-desk", "law-desk")
CLOSINGS = "closings"
"""What a worker does, told of like a timer."""
TIMERS = (*(timer.name for timer in SERVICE.timers), CLOSINGS)
LIBRARY: dict[str, Any] = FEES | {
    "service_points": [
        CONFIGURATION["service_points"][0]
        | {"appointments": {"slot_minutes": 30, "capacity": 1, "days_ahead": 3}},
        *CONFIGURATION["service_points"][1:],
    ],
    "reshelving": [{"minutes": 60}],
    "transfers": [{"material_types": ["video"], "destinations": ["LAW"], "allowed": False}],
    "patron_groups": [
        {"code": "student", "name": "Students", "max_loans": 4, "max_owed": 4000},
        {"code": "visitor", "name": "Visitors", "max_loans": 2, "max_owed": 2000},
    ],
    "loan_policies": [
        CONFIGURATION["loan_policies"][0] | {"automatic_renewal": {"days_before": 2}},
        CONFIGURATION["loan_policies"][1]
        | {
            "max_loans": 1,
            "renew_with_holds": True,
            "rental": {"amount": 10, "per": "day"},
            "deposit": 300,
        },
        {
            "code": "here-only",
            "name": "Reading room",
            "in_library": True,
            "period": {"amount": 14, "unit": "day"},
            "desk_shelf": {"amount": 3, "unit": "day"},
            "renewable": False,
        },
    ],
    "fine_policies": [
        CONFIGURATION["fine_policies"][0] | {"recall_amount": 50},
        {
            "code": "stern",
            "name": "Stern",
            "amount": 10,
            "unit": "hour",
            "cap": 700,
            "suspension": {"days": 1, "per_units": 24, "max_days": 10},
            "reminders": [
                {"after_days": 3, "amount": 100},
                {"after_days": 5, "amount": 0, "block": "reminded"},
                {"after_days": 10, "amount": 200},
            ],
        },
    ],
    "block_templates": [
        {
            "code": "reminded",
            "name": "Reminded",
            "actions": ["borrow"],
            "note": "A reminder blocks until it is back.",
        },
    ],
    "hold_policies": [
        {"code": "usual", "name": "Usual", "shelf_days": 5, "unclaimed_fee": 50},
        {"code": "short", "name": "Short", "shelf_days": 2, "expires_after_days": 20, "max_holds": 2},
    ],
    "lost_policies": [
        {
            "code": "set",
            "name": "At a set cost",
            "age_after": {"amount": 30, "unit": "day"},
            "bill_after": {"amount": 3, "unit": "day"},
            "cost": "set",
            "amount": 3000,
            "processing_fee": {"declared": 500, "aged": 700},
        },
        {"code": "actual", "name": "At its actual cost", "cost": "actual", "keep_processing_fee": True},
    ],
    "rules": [
        {"when": {}, "loan": "four-weeks", "fine": "daily", "hold": "usual", "lost": "set"},
        {
            "when": {"material_type": ["video"]},
            "loan": "one-week",
            "fine": "stern",
            "hold": "short",
            "lost": "actual",
            "max_loans": 2,
        },
        {"when": {"loan_type": ["reference"]}, "loan": "here-only", "fine": "daily", "hold": "usual"},
    ],
}


def _limits(*, loans: int, of_visitors: int, owed: int, films: int, holds: int | None) -> dict[str, Any]:
    groups, loan, hold = (LIBRARY[name] for name in ("patron_groups", "loan_policies", "hold_policies"))
    return LIBRARY | {
        "patron_groups": [
            groups[0] | {"max_loans": loans, "max_owed": owed},
            groups[1] | {"max_loans": of_visitors, "max_owed": owed},
        ],
        "loan_policies": [loan[0], loan[1] | {"max_loans": films}, *loan[2:]],
        "hold_policies": [hold[0] | {"max_holds": holds}, *hold[1:]],
    }


LIMITS: dict[str, dict[str, Any]] = {
    "as they were": LIBRARY,
    "strict": _limits(loans=2, of_visitors=1, owed=400, films=1, holds=1),
    "generous": _limits(loans=6, of_visitors=3, owed=9000, films=2, holds=None),
}
"""What the library may decide in the middle of a day."""
