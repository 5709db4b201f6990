"""Series of numbers in the configuration."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog.numbers.rules import MOST, PREFIX


class NumberSeriesDoc(BaseModel):
    """How titles, holdings or items are numbered from now on; what has a number keeps it."""

    model_config = ConfigDict(extra="forbid")

    code: Literal["titles", "holdings", "items"]
    """What is numbered."""
    prefix: Annotated[str, Field(pattern=PREFIX)]
    """What stands before the number."""
    start: int = Field(default=1, ge=1, lt=MOST)
    """No number below this is given any more; a series never goes back."""

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return self.model_dump()
