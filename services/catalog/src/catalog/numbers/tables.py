"""What the library has said of its numbers."""

from sqlmodel import Field

from catalog.metadata import Table, big, words


class NumberSeries(Table, table=True):
    """A prefix for numbers to come, and what they have begun with; a kind without a row has the usual prefix."""

    __tablename__ = "number_series"

    code: str = Field(sa_column=words(primary=True))
    prefix: str = Field(sa_column=words())
    start: int = Field(sa_column=big())
