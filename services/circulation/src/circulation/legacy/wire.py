"""What goes over the wire of every kind: slices of rows, and what became of them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from circulation.legacy.rules import TEXTS, Outcome, Refusal

ROWS: Final = 500
"""Rows in one slice, which is one transaction."""
LegacyId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Words = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
MinorUnits = Annotated[int, Field(ge=1, le=1_000_000_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Row(BaseModel):
    """What every row has."""

    model_config = ConfigDict(extra="forbid")

    legacy_id: LegacyId


R = TypeVar("R", bound=Row)


class SliceIn(BaseModel, Generic[R]):
    """Some rows of one kind."""

    model_config = ConfigDict(extra="forbid")

    rows: list[R] = Field(min_length=1, max_length=ROWS)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({row.legacy_id for row in self.rows}) < len(self.rows):
            raise ValueError("a legacy id is named more than once")
        return self


class MigrationReasonOut(BaseModel):
    """Why a row was refused."""

    code: Refusal
    text: str


class RowOut(BaseModel):
    """What became of a row."""

    legacy_id: str
    outcome: Outcome
    id: UUID | None
    """What it is here."""
    reasons: list[MigrationReasonOut]


class SliceOut(BaseModel):
    """What became of a slice: all of it is in one transaction, and each row by itself is taken up or refused."""

    loaded: int
    unchanged: int
    refused: int
    rows: list[RowOut]


class MigratedOut(BaseModel):
    """A row as it was taken up or refused, and the record's facts as they are now."""

    legacy_id: str
    outcome: Outcome
    id: UUID | None
    reasons: list[MigrationReasonOut]
    fields: dict[str, Any] | None


class SumOut(BaseModel):
    """What all of them come to."""

    count: int
    """Loaded."""
    refused: int
    checksum: str
    """SHA-256 of the SHA-256s of each loaded record's line (docs/migrating.md), in the order of the legacy ids."""


class MoneyOut(BaseModel):
    """Fees of one currency, in minor units."""

    currency: str
    amount: int
    remaining: int


class FeeSumOut(SumOut):
    """The same, with what they come to."""

    amounts: list[MoneyOut]


def reasons_out(refusals: Sequence[str]) -> list[MigrationReasonOut]:
    """Refusals with their words."""
    return [MigrationReasonOut(code=Refusal(code), text=TEXTS[Refusal(code)]) for code in refusals]
