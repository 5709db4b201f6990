"""PINs, hashed, with the guesses that were wrong."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Uuid
from sqlmodel import Field

from circulation.metadata import Table, count, when, words


class CardPin(Table, table=True):
    """A patron's PIN; whoever has none is let in nowhere by one."""

    __tablename__ = "card_pin"
    __table_args__ = (CheckConstraint("wrong_guesses >= 0", name="card_pin_guesses"),)

    patron_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("patron.id"), primary_key=True))
    hash: str = Field(sa_column=words())
    """Argon2id, with its parameters and salt."""
    wrong_guesses: int = Field(default=0, sa_column=count())
    """Since the last right one; a guess under way counts until it was right."""
    locked_until: datetime | None = Field(default=None, sa_column=when(null=True))
    set_at: datetime = Field(sa_column=when())
    set_by: str = Field(sa_column=words())
