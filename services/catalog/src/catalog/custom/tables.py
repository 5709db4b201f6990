"""Which facts of its own a library has."""

from typing import Any

from sqlmodel import Field

from catalog.metadata import Table, document, words


class CustomField(Table, table=True):
    """A fact that titles or items may have beside the usual ones."""

    __tablename__ = "custom_field"

    code: str = Field(sa_column=words(primary=True))
    document: dict[str, Any] = Field(sa_column=document("{}"))
