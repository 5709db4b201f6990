"""What a library says of holds in its configuration, beside the policies."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from circulation.holds.rules import CancellationReason
from circulation.places.entries import Code, Name, Strict

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""A language tag (BCP 47)."""
Wording = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class CancellationReasonDoc(Strict):
    """Why a hold may be given up, and what the patron reads of it."""

    code: Code
    name: Name
    """For staff."""
    wording: dict[Language, Wording] = Field(default_factory=dict, max_length=50)
    """For the patron, by language; where there is none, the name."""
    needs_text: bool = False
    """Whether it has to be said in words, too."""
    used_by: list[Literal["patron", "staff"]] = Field(default=["staff"], min_length=1, max_length=2)

    def as_rule(self) -> CancellationReason:
        """As rules put it."""
        return CancellationReason(
            self.code, self.name, dict(self.wording), self.needs_text, frozenset(self.used_by)
        )
