"""What is told of a load and of its rows."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from erm.kbart.rules import Outcome, State


class FlawOut(BaseModel):
    """What is to be said of a row, or of the file: an error keeps it out, a warning does not."""

    code: str
    text: str
    weight: Literal["error", "warning"]
    column: str | None = None


class RowCountsOut(BaseModel):
    """What became of the rows; with those that are not done, they are the rows that were read."""

    added: int
    changed: int
    unchanged: int
    duplicate: int
    rejected: int


class TitleCountsOut(BaseModel):
    """What became of the package's titles."""

    added: int
    changed: int
    unchanged: int
    removed: int


class ListLoadOut(BaseModel):
    """A title list on its way into a package."""

    id: UUID
    package_id: UUID
    state: State
    dry_run: bool
    confirmed: bool
    cancelling: bool
    file_name: str | None
    encoding: str
    columns: list[str]
    size: int
    digest: str
    """SHA-256 of the file."""
    lines: int
    """Of the file, without the first one; spreadsheets leave empty ones behind."""
    rows_read: int
    rows: RowCountsOut
    warned: int
    """Rows that were taken and have something to be said of them."""
    titles: TitleCountsOut
    new_titles: int
    """Titles that the knowledge base had not heard of, print siblings counted."""
    questions: int
    """Matches that somebody should look at: `GET /v1/title-reviews`."""
    findings: list[FlawOut]
    """What is to be said of the file as a whole; why it waits."""
    rows_kept: bool
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: int


class ListRowOut(BaseModel):
    """What became of a row."""

    line: int
    """As an editor counts: the columns are line 1."""
    outcome: Outcome
    name: str | None
    item_id: UUID | None
    reasons: list[FlawOut]


class RemovalOut(BaseModel):
    """A title that a list leaves out."""

    item_id: UUID
    name: str
    key: str


def out(row: Any) -> ListLoadOut:
    """A row of `kbart_load` on the wire."""
    told = dict(row)
    rows = {name: told[name] for name in RowCountsOut.model_fields}
    titles = {name: told[f"items_{name}"] for name in TitleCountsOut.model_fields}
    return ListLoadOut.model_validate(
        told | {"rows": rows, "titles": titles, "new_titles": told["titles_added"]}
    )
