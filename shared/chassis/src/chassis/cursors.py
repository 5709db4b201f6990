"""Lists page by opaque cursor: the sort key of the last row seen, so that a page is stable under writes."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson
from fastapi import Request, Response
from pydantic import BaseModel

from chassis.json import dumped
from chassis.problems import Invalid, Reason

T = TypeVar("T")


def encode(*key: Any) -> str:
    """A cursor after the row with this sort key (JSON values, UUIDs and datetimes)."""
    return base64.urlsafe_b64encode(dumped(key)).rstrip(b"=").decode()


def decode(cursor: str, *, parts: int) -> list[Any]:
    """The sort key inside; `Invalid` when it was not given out here."""
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        key = None
    if not isinstance(key, list) or len(key) != parts:
        raise wrong_cursor()
    return key


def wrong_cursor() -> Invalid:
    """The problem to raise for a cursor nobody gave out."""
    return Invalid(
        reasons=[
            Reason(
                "cursor-unknown",
                "This cursor was not given out here.",
                "query/cursor",
                "Start without a cursor.",
            )
        ]
    )


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    next_cursor: str | None = None


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Name the next page in a Link header (RFC 8288), with the same filters."""
    if cursor is not None:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        path = quote(request.scope["path"], safe="/:@!$&'()*+,;=~")
        response.headers["Link"] = f'<{path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'


def uuid_in(cursor: str) -> UUID:
    """The id in a cursor of one id."""
    (told,) = decode(cursor, parts=1)
    try:
        return UUID(str(told))
    except ValueError:
        raise wrong_cursor() from None


def moment_and_id(cursor: str) -> tuple[datetime, UUID]:
    """The moment and the id in a cursor of both."""
    at, told = decode(cursor, parts=2)
    try:
        moment = datetime.fromisoformat(str(at))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), UUID(str(told))
    except ValueError:
        raise wrong_cursor() from None


def day_and_id(cursor: str) -> tuple[date, UUID]:
    """The day and the id in a cursor of both."""
    day, told = decode(cursor, parts=2)
    try:
        return date.fromisoformat(str(day)), UUID(str(told))
    except ValueError:
        raise wrong_cursor() from None


def words_in(cursor: str) -> str:
    """The text in a cursor of one text."""
    (told,) = decode(cursor, parts=1)
    if not isinstance(told, str) or "\0" in told:
        raise wrong_cursor()
    return told
