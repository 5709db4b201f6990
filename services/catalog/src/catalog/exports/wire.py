"""An export on the wire: how far it has come, and once it is done, what its file is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel

from catalog.exports.documents import ExportDoc
from catalog.exports.rules import Format, Mode, Outcome, State
from chassis.principal import Principal
from chassis.problems import Forbidden, Reason


class ExportOut(BaseModel):
    """An export; once it is done, this is the manifest of its file."""

    id: UUID
    schedule: str | None
    mode: Mode
    since: UUID | None
    """The export that what has changed is told against."""
    format: Format
    query: str
    filters: dict[str, list[str]]
    list_id: UUID | None
    with_suppressed: bool
    with_ids: bool
    with_holdings: bool
    state: State
    position: int | None
    """Of the changes to titles: the file has all up to this one. Titles and records are those of one moment."""
    index_position: int | None
    """How far the index had come when the query was answered; none where nothing was asked of it."""
    selected: int | None
    """Titles to be given or told to be gone; unknown before they are fixed."""
    given: int
    gone: int
    left_out: int
    """Records that cannot be said in this format."""
    size: int
    """Bytes so far."""
    sha256: str | None
    """Of the whole file, in hexadecimal digits."""
    problem: str | None
    created_at: datetime
    selected_at: datetime | None
    """The moment that the file shows."""
    finished_at: datetime | None
    expires_at: datetime
    """Until when it is kept at least."""


class ExportTitleOut(BaseModel):
    """A title that was told to be gone, or could not be said."""

    title_id: UUID
    number: int
    version: int
    outcome: Outcome
    reason: str | None


def told(row: Any, response: Response | None = None) -> ExportOut:
    """An export, and where it is read."""
    if response is not None:
        response.headers["Location"] = f"/v1/exports/{row.id}"
    values = {name: getattr(row, name) for name in ExportOut.model_fields}
    if row.selected_at is None:
        values["selected"] = None
    return ExportOut(**values)


def sees_hidden(by: Principal) -> bool:
    """Whether somebody sees titles that the public does not."""
    return by.may("titles:write")


def allowed(doc: ExportDoc, by: Principal) -> None:
    """Whoever exports hidden titles may see them."""
    if doc.with_suppressed and not sees_hidden(by):
        words = "Hidden titles are exported by those who may see them."
        mend = "Leave with_suppressed out, or ask for the scope titles:write."
        raise Forbidden(words, reasons=[Reason("hidden-titles", words, "/with_suppressed", mend)])
