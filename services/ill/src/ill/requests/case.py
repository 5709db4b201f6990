"""A request under one's hand: its row locked, what was told, and what has been done to it so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Reason, Refused
from contracts.ill import RequestFacts, RequestProgressed
from ill.ageing.documents import SpanDoc, spans_of
from ill.ageing.rules import Spans, expires_at, look_at, time_to_respond
from ill.configuration.documents import ConfigurationDoc
from ill.iso18626.composing import Agency
from ill.partners.rules import calendar_of
from ill.requests import queries
from ill.requests.model import FORMER, SAME, Model, model_of
from ill.requests.rules import Told

_WRITTEN = (
    "state",
    "former_state",
    "ended",
    "status",
    "offer",
    "access",
    "due_at",
    "item_barcode",
    "item_id",
    "item_left",
    "hold_id",
    "loan_id",
    "asked",
    "holding",
    "journals",
    "counted_in",
    "compliance",
    "royalty",
    "royalty_currency",
    "document_id",
    "received_at",
    "renewal_pending",
    "attention",
    "look_at",
    "max_cost",
    "currency",
    "volumes",
    "noticed",
    "expires_at",
)
_WRITE = (
    "UPDATE request SET version = version + 1, changed_at = $2, "  # noqa: S608 - our own names
    + ", ".join(f"{name} = ${at}" for at, name in enumerate(_WRITTEN, 3))
    + " WHERE id = $1 RETURNING version"
)
_STEP = """
INSERT INTO step (id, request_id, at, actor, what, from_state, to_state, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_DONE = "UPDATE rota_entry SET state = 'left', reason = $2, left_at = $3 WHERE id = $1"
RUSHED = frozenset({"Rush", "Express", "Urgent"})


class AgencyMissing(Refused):
    """Messages need a sender: the library's symbol is not configured."""

    code, title = "agency-not-set", "Configure the library's own symbol first."


@dataclass(slots=True)
class Case:
    """One request, from the lock to the commit."""

    connection: Connection
    row: dict[str, Any]
    doc: ConfigurationDoc
    actor: str
    now: datetime
    told: Told = field(default_factory=Told)
    in_person: bool = False
    """The patron asked, and was let in as one."""
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    entered: bool = False
    """A state was gone into, if only again: what it waits for begins anew."""

    @property
    def id(self) -> UUID:
        """The request's."""
        found: UUID = self.row["id"]
        return found

    def told_with(self, **changed: Any) -> Told:
        """What was told, and more."""
        return replace(self.told, **changed)

    @property
    def model(self) -> Model:
        """Its side's, in the version that it began with."""
        return model_of(self.row["side"], self.row["model"])

    @property
    def us(self) -> Agency:
        """This library, as messages name it."""
        agency = self.doc.agency
        if agency is None:
            raise AgencyMissing(
                reasons=[
                    Reason(
                        "agency-not-set",
                        "The library has no symbol to send under.",
                        mend="Set agency in /v1/configuration/ill.",
                    )
                ]
            )
        return Agency(agency.scheme, agency.symbol, self.doc.name, tuple(self.doc.address), self.doc.email)

    def enter(self, move_to: str, *, keep: bool) -> tuple[str, str]:
        """Go into the state that a move leads to; from where, and to where."""
        before = self.row["state"]
        self.entered = self.entered or move_to != SAME
        after = before if move_to == SAME else move_to
        if move_to == FORMER:
            after = self.row["former_state"] or before
        if keep and before != after:
            self.row["former_state"] = before
        self.row["state"] = after
        return before, after

    def _spans(self, entry: Mapping[str, Any] | None) -> Spans:
        """How long is waited; with a supplier, by what it says of the service level."""
        if entry is None:
            return self.doc.spans()
        own = {level: SpanDoc.model_validate(told) for level, told in entry["respond_levels"].items()}
        respond = time_to_respond(
            self.row["service_level"],
            own=spans_of(own),
            library=spans_of(self.doc.times.respond),
            usual=entry["days_to_respond"],
        )
        return self.doc.spans(respond, calendar_of(entry))

    async def write(self) -> None:
        """Write the row, its steps and the event that tells of them: one version, however much happened."""
        entry = await queries.active_entry(self.connection, self.id)
        state = self.model.states[self.row["state"]]
        self.row["ended"] = state.end
        if state.end and entry is not None:
            await self.connection.execute(_DONE, entry["id"], self.steps[-1][0], self.now)
        notice = None
        if state.notice is not None and state.notice != self.row["noticed"]:
            self.row["noticed"] = notice = state.notice
        if self.entered:
            self.row["look_at"] = look_at(
                state.timeout.after if state.timeout else None,
                self._spans(entry),
                now=self.now,
                due_at=self.row["due_at"],
                rush=self.row["service_level"] in RUSHED,
                need_before=runs_out(self.row) if state.before_shipping else None,
            )
        self.row["version"] = await self.connection.fetchval(
            _WRITE, self.id, self.now, *(self.row[name] for name in _WRITTEN)
        )
        await self.connection.executemany(
            _STEP,
            [
                (
                    uuid7(),
                    self.id,
                    self.now,
                    self.actor,
                    what,
                    before,
                    after,
                    self.told.note if not at else None,
                )
                for at, (what, before, after) in enumerate(self.steps)
            ],
        )
        event = RequestProgressed(
            version=self.row["version"],
            occurred_at=self.now,
            request_id=self.id,
            request=facts_of(self.row, entry["partner_id"] if entry else None),
            previous_state=self.steps[0][1],
            what=tuple(what for what, _, _ in self.steps),
            notice=notice,
        )
        await outbox.record(self.connection, [event])


def runs_out(row: Mapping[str, Any]) -> datetime | None:
    """When it is too late for a request, or it has grown too old."""
    found: datetime | None = row["need_before"] or row["expires_at"]
    return found


def too_old_at(
    doc: ConfigurationDoc, *, created_at: datetime, need_before: datetime | None, level: str | None
) -> datetime | None:
    """When a patron's request has grown too old, by the library's times; None: never, or it has a day of its own."""
    usual, levels = doc.expiry()
    return expires_at(need_before=need_before, created_at=created_at, level=level, usual=usual, levels=levels)


def facts_of(row: dict[str, Any], supplier_id: UUID | None) -> RequestFacts:
    """A request as events tell of it."""
    return RequestFacts(
        request_id=row["id"],
        number=row["number"],
        side=row["side"],
        service=row["service"],
        state=row["state"],
        ended=row["ended"],
        patron_ref=row["patron_ref"],
        partner_id=row["partner_id"] or supplier_id,
        pickup=row["pickup"],
        due_at=row["due_at"],
        attention=row["attention"],
    )
