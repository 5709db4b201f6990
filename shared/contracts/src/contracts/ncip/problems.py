"""Problem elements: what could not be done and why, in the words of the schemes of NCIP 1.0 that 2.02 goes on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SCHEMES: Final = "http://www.niso.org/ncip/v1_0/schemes"
MESSAGING: Final = f"{_SCHEMES}/messagingerrortype/messagingerrortype.scm"
GENERAL: Final = f"{_SCHEMES}/processingerrortype/generalprocessingerror.scm"

_MESSAGING_TYPES: Final = frozenset(
    {
        "Invalid Message Syntax Error",
        "Protocol Error",
        "Unknown Service",
        "Unknown Value From Known Scheme",
    }
)
_GENERAL_TYPES: Final = frozenset(
    {
        "Agency Authentication Failed",
        "Invalid Date",
        "Needed Data Missing",
        "Temporary Processing Failure",
        "Unauthorized Combination Of Element Values For Agency",
        "Unauthorized Service For Agency",
        "Unknown Agency",
        "Unsupported Service",
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its type (a word of a scheme), and the words, element and value that it is about."""

    type: str
    detail: str | None = None
    element: str | None = None
    value: str | None = None


def scheme_of(type_: str, service: str | None) -> str:
    """The scheme that a type is a word of; those of a service's own are named by it."""
    if type_ in _MESSAGING_TYPES:
        return MESSAGING
    if type_ in _GENERAL_TYPES or service is None:
        return GENERAL
    return f"{_SCHEMES}/processingerrortype/{service.lower()}processingerror.scm"


def problem(told: Problem) -> dict[str, Any]:
    """As it stands in a message."""
    parts = {
        "ProblemType": told.type,
        "ProblemDetail": told.detail,
        "ProblemElement": told.element,
        "ProblemValue": told.value,
    }
    return {name: value for name, value in parts.items() if value is not None}


def problems_in(body: Mapping[str, Any]) -> list[Problem]:
    """Every problem that an answer tells."""
    return [
        Problem(
            told["ProblemType"],
            told.get("ProblemDetail"),
            told.get("ProblemElement"),
            told.get("ProblemValue"),
        )
        for told in body.get("Problem", ())
    ]
