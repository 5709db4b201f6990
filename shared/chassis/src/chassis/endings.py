"""Routes that end: since when nobody should begin with one, when it goes, and what stands in its place.

It is said once, beside the route, and told everywhere: in each of its answers (`Deprecation`, RFC 9745; `Sunset`,
RFC 8594; `Link`), in the OpenAPI document, and on the developers' page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

NOTICE: Final = timedelta(days=180)
"""How long a route that is said to end goes on at least: a program is changed once a term, not at once."""
PAGE: Final = "/developers/changes"
"""Where people read about it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said of a route that ends."""

    since: date
    """From which day it is deprecated; this may be one to come."""
    goes: date | None
    """The day from which it may answer no more; None: that is not settled."""
    successor: str | None
    """The path that does what it did."""

    def __post_init__(self) -> None:
        """Raise ValueError when it would go sooner than a program can follow."""
        if self.goes is not None and self.goes - self.since < NOTICE:
            raise ValueError(f"a route goes on for {NOTICE.days} days at least after it is said to end")

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As each of its answers tells it. The date is a structured field's: `@` and seconds since 1970."""
        told = [(b"deprecation", f"@{int(_midnight(self.since).timestamp())}".encode())]
        if self.goes is not None:
            told.append((b"sunset", format_datetime(_midnight(self.goes), usegmt=True).encode()))
        told.append((b"link", f'<{PAGE}>; rel="deprecation"; type="text/html"'.encode()))
        if self.successor is not None:
            told.append((b"link", f'<{self.successor}>; rel="successor-version"'.encode()))
        return told

    def document(self) -> dict[str, Any]:
        """As the operation's own part of the document tells it."""
        told = {
            "deprecated": True,
            "x-deprecated-since": self.since.isoformat(),
            "x-sunset": self.goes.isoformat() if self.goes else None,
            "x-successor": self.successor,
        }
        return {name: value for name, value in told.items() if value is not None}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def ending(since: date, *, goes: date | None, successor: str | None) -> Callable[[F], F]:
    """Say of a route that it ends: `@ending(date(2027, 3, 1), goes=date(2027, 10, 1), successor="/v1/…")`."""
    told = Ending(since, goes, successor)

    def mark(endpoint: F) -> F:
        endpoint.ending = told  # type: ignore[attr-defined]  # read by `ending_of`
        return endpoint

    return mark


def ending_of(endpoint: object) -> Ending | None:
    """What is said of the end of the route that this function answers; None while it goes on."""
    return getattr(endpoint, "ending", None)
