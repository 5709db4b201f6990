"""What the desk is told, on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, computed_field

from circulation.blocks.rules import TEXTS, Block
from circulation.limits.rules import Reached
from circulation.loans.rules import Step
from circulation.lost.rules import LoanState, loan_state
from circulation.patrons.rules import Beyond
from circulation.places.routes import ConsideredOut


class ChargeOut(BaseModel):
    """What a loan or a renewal costs: a fee of this kind was charged with it."""

    kind: str
    """rental, deposit."""
    amount_minor: int
    currency: str


class LoanOut(BaseModel):
    """A loan."""

    id: UUID
    item_id: UUID
    item_barcode: str | None
    title_id: UUID
    title: str
    patron_id: UUID | None
    proxy_id: UUID | None = None
    """Who borrowed it for the patron, if somebody did."""
    service_point_id: UUID
    lent_at: datetime
    due_at: datetime
    due_zone: str
    renewals: int
    policy: str
    rules_version: int
    recalled_at: datetime | None = None
    returned_at: datetime | None = None
    version: int
    lost_at: datetime | None = None
    lost_cause: str | None = None
    claimed_at: datetime | None = None
    ended: str | None = None
    """How it ended, when not by a return: lost-and-paid, missing."""
    instead_of: UUID | None = None
    """Told by a check-out alone: the loan to another patron that it ended."""
    unseen: int = 0
    """How often in a row it was renewed without anybody having seen the item."""
    in_library: str | None = None
    """Of a loan for use in the library: in-use, held (kept at the desk) or returned."""
    held_until: datetime | None = None
    """Until when the desk keeps it for the patron's next use."""
    charges: list[ChargeOut] = []
    """What was charged with this loan or renewal."""
    item_notes: list[str] = []
    """Told by a check-out alone: what the catalogue would have whoever lends the item know of it."""
    explanation: "Explanation | None" = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def state(self) -> LoanState:
        """What became of it so far."""
        return loan_state(
            ended=self.ended,
            returned=self.returned_at is not None,
            claimed=self.claimed_at is not None,
            cause=self.lost_cause,
        )


class BlockOut(BaseModel):
    """A reason against it."""

    code: Block
    text: str
    mend: str
    value: int | None = None
    """Of a limit: how much there is …"""
    limit: int | None = None
    """… and how much is allowed."""


class Explanation(BaseModel):
    """Why it was decided so: the rule that won, those that lost, the facts."""

    facts: dict[str, Any]
    rules: list[ConsideredOut]


class UseCountedOut(BaseModel):
    """A check-out to nobody's card: one more use in the house, and no loan."""

    used_in_house: Literal[True] = True
    item_id: UUID
    item_barcode: str | None
    title: str


class DryRunOut(BaseModel):
    """What would happen; nothing was written."""

    allowed: bool
    blocks: list[BlockOut]
    due_at: datetime | None = None
    policy: str | None = None
    charges: list[ChargeOut] = []
    """What it would cost."""
    item_notes: list[str] = []
    """What the catalogue would have whoever lends the item know of it."""
    used_in_house: bool = False
    """Nothing would be lent: the use would be counted."""
    renewable_from: datetime | None = None
    """Of a renewal that comes too early: the moment from which on it does not."""
    explanation: Explanation | None = None


class NextHoldOut(BaseModel):
    """For whom the item is put on the hold shelf, or sent on."""

    hold_id: UUID
    patron_id: UUID
    patron_name: str
    patron_barcode: str | None
    pickup_id: UUID
    pickup: str
    shelf_expires_at: datetime | None
    delivery_address_type: str | None = None
    """To which of the patron's addresses it is sent from there, if it is."""


class NextStepOut(BaseModel):
    """What the desk does next."""

    step: Step
    text: str
    to_service_point_id: UUID | None = None
    to_service_point: str | None = None
    hold: NextHoldOut | None = None


class PlaceOut(BaseModel):
    """A location in its library, by their codes."""

    library: str
    location: str


class PiecesOut(BaseModel):
    """What an item is made of."""

    number: int
    text: str | None
    """Which they are."""
    missing: str | None
    """What was not there when somebody last looked."""


class ReturnOut(BaseModel):
    """An item that came in."""

    item_id: UUID
    item_barcode: str | None
    title: str
    loan: LoanOut | None
    next_step: NextStepOut
    fee_id: UUID | None = None
    fine_minor: int = 0
    currency: str | None = None
    deposit_minor: int = 0
    """What was given back of a deposit, in minor units; what of it was never paid is owed no more."""
    suspended_until: datetime | None = None
    """Until when the patron may not borrow, renew or hold, for bringing it back late."""
    found: bool = False
    """The catalogue thought it missing or withdrawn, and is told that it is here."""
    floated_to: PlaceOut | None = None
    """It stays here: where it is at home from now on."""
    passed_over: list[UUID] = []
    """Holds that would have come first, and that the item may not be sent to from here (`transfers`)."""
    used_in_house: bool = False
    """The scan counts as a use in the house."""
    pieces: PiecesOut | None = None
    item_notes: list[str] = []
    """What the catalogue would have whoever takes the item back know of it."""
    explanation: Explanation | None = None


def blocks_out(blocks: list[Block], beyond: Sequence[Beyond | Reached] = ()) -> list[BlockOut]:
    """Blocks with their words; of limits how much there is, and how much is allowed."""
    return [
        BlockOut(
            code=block,
            text=found.text if (found := limit_behind(block, beyond)) else TEXTS[block][0],
            mend=TEXTS[block][1],
            value=found.value if found else None,
            limit=found.limit if found else None,
        )
        for block in blocks
    ]


def limit_behind(block: Block, beyond: Sequence[Beyond | Reached]) -> Beyond | Reached | None:
    """The limit that a block comes of."""
    return next((each for each in beyond if each.code == block.value), None)
