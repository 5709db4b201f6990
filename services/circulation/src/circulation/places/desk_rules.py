"""What a library decides about its desks, apart from who may borrow what: one part of the configuration."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from circulation.items.rules import LENDABLE_BASES

NotReady = Literal["on-order", "in-process", "damaged", "missing"]
NOT_READY: Final[tuple[NotReady, ...]] = ("on-order", "in-process", "damaged")


class DeskRulesDoc(BaseModel):
    """What happens at the desk with items that are not as they should be, and what is counted there."""

    model_config = ConfigDict(extra="forbid")

    missing: Literal["find", "put-aside"] = "find"
    """A missing item that is scanned: it is found and goes on like any other, or somebody has a look first."""
    withdrawn: Literal["put-aside", "refuse", "revive"] = "put-aside"
    """A withdrawn item that is scanned: put aside, refused with nothing changed, or part of the collection again."""
    lost: Literal["find", "refuse"] = "find"
    """A lost item that is scanned: found, its fees undone as its policy says; or refused with nothing changed."""
    holds_on: list[NotReady] = Field(default=[*NOT_READY, "missing"], max_length=10)
    """What may be waited for though it is not ready to be lent: ordered, being catalogued, damaged, missing."""
    fills_holds: list[NotReady] = Field(default=[*NOT_READY], max_length=10)
    """Which of these is caught for whoever waits for it when it is scanned; what is not goes on as usual."""
    in_house_use: bool = True
    """Whether an item that was on its shelf, scanned where it is at home, counts as used in the house."""
    confirm_pieces: list[Literal["check-out", "check-in"]] = Field(default_factory=list, max_length=2)
    """When staff must say that they looked at an item's accompanying pieces."""
    auto_return: bool = False
    """Whether an item that is on loan to one patron is returned by lending it to another."""
    session_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """After how long without a scan a patron's visit to the desk is over."""

    def takes_holds(self, base: str) -> bool:
        """Whether an item in this base state may be waited for, as far as the library decides."""
        return base not in get_args(NotReady) or base in self.holds_on

    def fills(self, base: str) -> bool:
        """Whether an item in this base state, on the desk, goes to whoever waits for it."""
        return base in LENDABLE_BASES and (base not in NOT_READY or base in self.fills_holds)
