"""What a macro does, as a document."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from catalog.bulkedits.documents import Action


class MacroDoc(BaseModel):
    """A macro: actions on data fields, one after the other, as a bulk edit of titles has them (docs/bulk-edits.md)."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    fields: list[Action] = Field(min_length=1, max_length=50)
