"""Sheets of labels that a library has."""

from typing import Any

from sqlmodel import Field

from catalog.metadata import Table, document, words


class LabelTemplate(Table, table=True):
    """What a sheet of labels measures, and what stands on each."""

    __tablename__ = "label_template"

    code: str = Field(sa_column=words(primary=True))
    document: dict[str, Any] = Field(sa_column=document("{}"))
