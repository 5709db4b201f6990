"""The demo library's lending rules, with its desks: one document, as `carrel config apply` takes it."""

from typing import Any

from carrel.demo.place import service_points
from carrel.demo.sheets import document


def configuration(year: int) -> dict[str, Any]:
    """The body of PUT /v1/configuration/circulation, with holidays around a year."""
    return {**document("policies"), "service_points": service_points(year)}


def patron_groups() -> list[dict[str, Any]]:
    """The eight groups with their limits."""
    found: list[dict[str, Any]] = document("policies")["patron_groups"]
    return found
