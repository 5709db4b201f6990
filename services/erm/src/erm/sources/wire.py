"""Sources of title lists, and lists in chunks, as they are told and read."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, model_validator

from erm.sources.rules import Fetched
from erm.wire import Strict


class Keyed(Strict):
    """A source that may know us by a key."""

    key_name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,59}$")] | None = None
    """What the source calls the key by which it knows us: `api_key`, `requestor_id`, `X-Api-Key` …"""
    key_in: Literal["query", "header"] = "query"
    key: Annotated[SecretStr, Field(min_length=1, max_length=2000)] | None = None
    """Kept sealed and never told again; left out, the one that there is stays."""

    @model_validator(mode="after")
    def _a_key_has_a_name(self) -> Self:
        if self.key is not None and self.key_name is None:
            raise ValueError("a key has a key_name")
        if self.key is not None and not self.key.get_secret_value().isprintable():
            raise ValueError("a key is printable")
        return self


class ListSourceIn(Keyed):
    """Where a package's list is fetched on schedule (KBART Automation, NISO RP-26)."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    """By https, of the public internet; with the customer's id where the provider wants it."""
    every_hours: Annotated[int, Field(ge=1, le=24 * 92)] = 24 * 7
    active: bool = True


class ListSourceOut(BaseModel):
    """Where a package's list is fetched, and what came of it."""

    id: UUID
    package_id: UUID
    url: str
    key_name: str | None
    key_in: Literal["query", "header"]
    has_key: bool
    every_hours: int
    active: bool
    next_at: datetime | None
    """None: it is not asked."""
    asked_at: datetime | None
    outcome: Fetched | None
    error: str | None
    failures: int
    """In a row."""
    load_id: UUID | None
    """The load by which its last list was taken."""
    created_at: datetime
    version: int


class ListSessionIn(Strict):
    """A list that is to come in chunks."""

    columns: Annotated[
        list[Annotated[str, Field(max_length=100, pattern=r"^[^\t\r\n\x00]*$")]],
        Field(min_length=1, max_length=500),
    ]
    """Its first line, cell by cell."""
    file_name: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]+$")] | None = None
    dry_run: bool = False


class ListChunkOut(BaseModel):
    """A chunk that is there."""

    ordinal: int
    lines: int
    digest: str
    """SHA-256 of what was sent."""
    received_at: datetime


class ListChunkErrorOut(BaseModel):
    """A chunk that was not taken."""

    ordinal: int
    reasons: list[dict[str, Any]]
    at: datetime


class ListSessionOut(BaseModel):
    """A list that comes in chunks, as far as it has come."""

    load_id: UUID
    package_id: UUID
    dry_run: bool
    chunks: list[ListChunkOut]
    errors: list[ListChunkErrorOut]
    """The last hundred that were not taken, newest first."""
    expires_at: datetime
    """Unless it is complete by then, it is forgotten."""


class ListCompletionIn(Strict):
    """All chunks were sent."""

    chunks: Annotated[int, Field(ge=1, le=100_000)]
    """How many; they are counted from 1."""
