"""A host's settings, and the acts that it is told of, on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.moments import Moment
from ill.hosts.rules import Host
from ill.partners.documents import Word

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Place = Annotated[str, Field(min_length=1, max_length=60)]
Number = Annotated[str, Field(min_length=1, max_length=100)]
Offered = Literal[
    "AcceptItem",
    "CancelRequestItem",
    "CheckInItem",
    "CheckOutItem",
    "LookupItem",
    "LookupUser",
    "RecallItem",
    "RenewItem",
    "RequestItem",
]


class HostChange(BaseModel):
    """A circulation that is not ours: how it is spoken to, and which of our places it serves."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    way: Literal["ncip", "manual"] = "ncip"
    """By NCIP 2.02; or each thing is a task for staff, who do it there and tick it off."""
    address: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=1000)] | None = None
    our_agency: Word | None = None
    """FromAgencyId …"""
    their_agency: Word | None = None
    """… and ToAgencyId, which is the agency of their items and users, too."""
    services: Annotated[tuple[Offered, ...], Field(max_length=9)] = ()
    """What it offers; what it does not is a task for staff."""
    places: dict[Place, Place] = Field(default={}, max_length=500)
    """The codes of our service points that it serves, and its own (PickupLocation) for each."""
    for_the_rest: bool = False
    """It serves whatever no host names, and requests without a place."""
    user_type: Word | None = "Barcode Id"
    """UserIdentifierType."""
    item_type: Word | None = "Barcode"
    """ItemIdentifierType."""
    patrons: Literal["mapped", "reference"] = "mapped"
    """As whom it knows a patron: as it was told for each (`…/users`), or by our own reference of them."""
    partners_user: Number | None = None
    """The user under whom things go out to partners that have none of their own there."""
    request_type: Word = "Hold"
    accept_action: Literal[
        "Circulate", "Circulate And Notify", "Hold For Pickup", "Hold For Pickup And Notify"
    ] = "Hold For Pickup And Notify"
    """RequestedActionType of what has arrived."""
    active: bool = True
    """One that is not gets nothing new."""

    @model_validator(mode="after")
    def _sound(self) -> "HostChange":
        if self.way == "ncip" and None in (self.address, self.our_agency, self.their_agency):
            raise ValueError("NCIP wants address, our_agency and their_agency")
        if not self.places and not self.for_the_rest:
            raise ValueError("it serves some places, or the rest")
        return self

    def rules(self) -> Host:
        """As the rules take it."""
        return Host(
            manual=self.way == "manual",
            services=frozenset(self.services),
            us=self.our_agency or "",
            them=self.their_agency or "",
            user_type=self.user_type,
            item_type=self.item_type,
            request_type=self.request_type,
            accept_action=self.accept_action,
            places=self.places,
        )


class HostIn(HostChange):
    """A new host."""

    code: Code


class HostOut(HostIn):
    """A host; its secrets are not told."""

    model_config = ConfigDict(extra="ignore")

    has_credentials: bool
    version: int
    created_at: datetime


class HostCredentialsIn(BaseModel):
    """What we prove ourselves with; what is left out is forgotten."""

    model_config = ConfigDict(extra="forbid")

    account: Annotated[str, Field(pattern=r"^[^:\x00-\x1f]{1,200}$")] | None = None
    """With `token` as its password: HTTP Basic."""
    token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,2000}$")] | None = None
    """Without `account`: sent as `Authorization: Bearer`."""
    security_code: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """FromAgencyAuthentication."""

    @model_validator(mode="after")
    def _sound(self) -> "HostCredentialsIn":
        if self.account is not None and self.token is None:
            raise ValueError("an account has a token for its password")
        return self


class HostUserIn(BaseModel):
    """As whom a host knows somebody."""

    model_config = ConfigDict(extra="forbid")

    user: Number
    """UserIdentifierValue; kept sealed, and not told again."""


class HostUserOut(BaseModel):
    """That it is known as whom a host knows a patron or a partner."""

    ref: UUID


class ActOut(BaseModel):
    """Something that a host is to be told, and what came of it."""

    id: UUID
    request_id: UUID
    number: str
    """Of the request."""
    host: str
    kind: str
    """By the name of the event that our own circulation would be told by."""
    state: Literal["waiting", "staff", "done", "refused", "withdrawn"]
    reason: str | None
    """Why it is for staff: a code."""
    doubtful: bool
    """It was sent, and nobody knows whether it was done: look there before you do it again."""
    attempts: int
    next_at: datetime | None
    last_error: str | None
    item_barcode: str | None
    title: str | None
    due_at: datetime | None
    pickup: str | None
    told: dict[str, Any]
    message: dict[str, Any] | None
    answer: dict[str, Any] | None
    """What came back, Problem elements included; nothing of a patron."""
    at: datetime
    settled_at: datetime | None
    settled_by: str | None


class ActActionIn(BaseModel):
    """What staff do with it."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["retry", "done", "refuse"]
    """Tell the host again; it was done there by hand; or it cannot be done."""
    item_barcode: Number | None = None
    """With `done`: of the item that is kept or lent."""
    due_at: Moment | None = None
    """With `done`: until when it is lent."""
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,79}$")] | None = None
    """With `refuse`: why, as a code."""


def act_out(row: Mapping[str, Any]) -> ActOut:
    """An act as it is shown."""
    facts = row["facts"]
    shown = {name: row[name] for name in ActOut.model_fields if name in row}
    return ActOut(
        **shown,
        item_barcode=row["told"].get("barcode") or facts.get("barcode"),
        title=facts.get("title"),
        due_at=row["told"].get("due_at") or facts.get("due_at"),
        pickup=facts.get("pickup"),
    )
