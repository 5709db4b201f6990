"""Requests of both sides, whom they went to, and every step they took."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, big, count, digest, document, flag, key, ref, when, words

SIDES = "side IN ('borrowing', 'lending')"


class Request(Table, table=True):
    """A wish for a book or an article: a patron's of ours, or a partner's."""

    __tablename__ = "request"
    __table_args__ = (
        Index("request_by_number", "number", unique=True),
        Index("request_by_patron", "patron_ref", "id"),
        Index("request_by_state", "side", "state", "id"),
        Index(
            "request_one_per_asking_id",
            "partner_id",
            "partners_request_id",
            text("coalesce(named, '')"),
            unique=True,
            postgresql_where=text("side = 'lending'"),
        ),
        Index("request_due", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        Index("request_needing_attention", "id", postgresql_where=text("attention IS NOT NULL")),
        Index("request_alike", "patron_ref", "likeness"),
        Index("request_one_open_per_item", "item_id", unique=True, postgresql_where=text("NOT ended")),
        Index("request_by_hold", "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
        Index(
            "request_to_pull",
            "id",
            postgresql_where=text("state = 'will-supply' AND item_id IS NOT NULL"),
        ),
        Index(
            "request_by_journal",
            "journals",
            postgresql_using="gin",
            postgresql_where=text("counted_in IS NOT NULL"),
        ),
        CheckConstraint(SIDES, name="request_side"),
        CheckConstraint("service IN ('loan', 'copy', 'copy-or-loan')", name="request_service"),
        CheckConstraint("side = 'lending' OR patron_ref IS NOT NULL", name="request_of_a_patron"),
        CheckConstraint(
            "side = 'borrowing' OR (partner_id IS NOT NULL AND partners_request_id IS NOT NULL)",
            name="request_of_a_partner",
        ),
    )

    id: UUID = Field(sa_column=key())
    number: str = Field(sa_column=words())
    side: str = Field(sa_column=words())
    model: int = Field(default=1, sa_column=count(1))
    """The version of its side's state model that it runs by."""
    state: str = Field(sa_column=words())
    former_state: str | None = Field(default=None, sa_column=words(null=True))
    """Where a refused cancellation leads back to."""
    ended: bool = Field(default=False, sa_column=flag(default=False))
    service: str = Field(sa_column=words())
    citation: dict[str, Any] = Field(sa_column=document())
    citation_told: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """As it was told at first, where a source has completed it."""
    openurl: str | None = Field(default=None, sa_column=words(null=True))
    """The OpenURL that it was asked by, without who asked."""
    access: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    """Where our readers have it online, and by which licences; what those said when a copy went out."""
    likeness: str = Field(sa_column=words())
    """The same for two requests for the same thing."""
    patron_ref: UUID | None = Field(default=None, sa_column=ref(null=True))
    pickup: str | None = Field(default=None, sa_column=words(null=True))
    """The code of the service point where the patron fetches it."""
    partner_id: UUID | None = Field(default=None, sa_column=ref(to="partner.id", null=True))
    """Lending: who asks."""
    partners_request_id: str | None = Field(default=None, sa_column=words(null=True))
    fingerprint: bytes | None = Field(default=None, sa_column=digest(null=True))
    """Of what the partner asked for: the same request sent twice is one, another one under its id an error."""
    service_level: str | None = Field(default=None, sa_column=words(null=True))
    need_before: datetime | None = Field(default=None, sa_column=when(null=True))
    expires_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Borrowing, without a `need_before`: when it has grown too old, by the library's times."""
    max_cost: int | None = Field(default=None, sa_column=big(null=True))
    currency: str | None = Field(default=None, sa_column=words(null=True))
    any_edition: bool = Field(default=True, sa_column=flag(default=True))
    preferred_edition: str | None = Field(default=None, sa_column=words(null=True))
    """any, this or most-recent; none: nothing but `any_edition` is known."""
    named: str | None = Field(default=None, sa_column=words(null=True))
    """Lending: as which the partner asks, where that is not its first symbol, as `scheme:symbol`: another one of its
    own, or the library behind a transparent broker."""
    volumes: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    """Where several are asked for: each with when it came and went back."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    status: str | None = Field(default=None, sa_column=words(null=True))
    """The partner's last status that counted (borrowing), or ours as last sent (lending)."""
    offer: dict[str, Any] = Field(sa_column=document())
    """Conditions, costs and times of the partner's last offer, or of ours."""
    due_at: datetime | None = Field(default=None, sa_column=when(null=True))
    item_barcode: str | None = Field(default=None, sa_column=words(null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """What circulation knows it by: while it is here, or of ours, as long as the request is open."""
    item_left: bool = Field(default=False, sa_column=flag(default=False))
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Lending: for which circulation keeps it."""
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Lending: circulation's loan to the partner."""
    asked: int = Field(default=0, sa_column=big(0))
    """How much was asked of the catalogue and circulation."""
    holding: dict[str, Any] = Field(sa_column=document())
    """Lending: what they told of it, and which questions are open."""
    journals: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    """The numbers of the journal that a copy is from."""
    counted_in: int | None = Field(default=None, sa_column=count(None, null=True))
    """The year in which the guidelines count it."""
    compliance: str | None = Field(default=None, sa_column=words(null=True))
    """The code of the law that a copy is asked for under (copyrightCompliance)."""
    royalty: int | None = Field(default=None, sa_column=big(null=True))
    """Paid for it, in minor units."""
    royalty_currency: str | None = Field(default=None, sa_column=words(null=True))
    declared: str | None = Field(default=None, sa_column=words(null=True))
    """The version of the declaration that whoever asked for a copy has agreed to, at `created_at`."""
    document_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The file of the copy, kept here."""
    received_at: datetime | None = Field(default=None, sa_column=when(null=True))
    renewal_pending: bool = Field(default=False, sa_column=flag(default=False))
    noticed: str | None = Field(default=None, sa_column=words(null=True))
    """What the patron was told of last, as a code."""
    attention: str | None = Field(default=None, sa_column=words(null=True))
    """Why staff should look, as a code."""
    look_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When a timer acts, unless something happens before."""
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    changed_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=big(1))


class RotaEntry(Table, table=True):
    """A supplier of a request: asked one after another, one at a time."""

    __tablename__ = "rota_entry"
    __table_args__ = (
        Index(
            "rota_one_active_supplier",
            "request_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("rota_one_entry_per_supplier", "request_id", "partner_id", unique=True),
        Index("rota_by_wire_id", "wire_id", unique=True),
        Index("rota_by_partner", "partner_id", postgresql_where=text("state = 'active'")),
        CheckConstraint("state IN ('waiting', 'active', 'skipped', 'left')", name="rota_state"),
    )

    id: UUID = Field(sa_column=key())
    request_id: UUID = Field(sa_column=ref(to="request.id"))
    partner_id: UUID = Field(sa_column=ref(to="partner.id"))
    position: int = Field(sa_column=count(None))
    state: str = Field(sa_column=words())
    reason: str | None = Field(default=None, sa_column=words(null=True))
    """Why it was skipped or left."""
    wire_id: str | None = Field(default=None, sa_column=words(null=True))
    """The requestingAgencyRequestId it was asked with; a retry gets a new one."""
    named: str | None = Field(default=None, sa_column=words(null=True))
    """As which the partner is asked and answers, where that is not its first symbol: another one of its own, or the
    library behind a transparent broker, as `scheme:symbol`."""
    chosen: bool = Field(default=False, sa_column=flag(default=False))
    """Staff put it there: whatever an index says."""
    placed_by: str | None = Field(default=None, sa_column=words(null=True))
    """By what it is among those that are asked: route, default-peer, directory or last-resort."""
    record_id: str | None = Field(default=None, sa_column=words(null=True))
    """The supplier's number for it, from an index …"""
    call_number: str | None = Field(default=None, sa_column=words(null=True))
    """… and where it stands."""
    suppliers_request_id: str | None = Field(default=None, sa_column=words(null=True))
    tries: int = Field(default=0, sa_column=count())
    asked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    left_at: datetime | None = Field(default=None, sa_column=when(null=True))


class Step(Table, table=True):
    """A step of a request, kept for good."""

    __tablename__ = "step"
    __table_args__ = (Index("step_by_request", "request_id", "id"),)

    id: UUID = Field(sa_column=key())
    request_id: UUID = Field(sa_column=ref(to="request.id"))
    at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
    what: str = Field(sa_column=words())
    """The event of the model."""
    from_state: str = Field(sa_column=words())
    to_state: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    """Staff's and partners' words; a patron sees none of them."""
