"""A partner's message: who sends it, is it sound, what does it change, and the confirmation.

The change, the log entry and the answer are one transaction: who gets an OK can rely on it. The same message again
gets the same answer and changes nothing.
"""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.markup import NotXml
from chassis.principal import Principal
from chassis.problems import Malformed, Reason
from chassis.resources import Resources
from contracts.events import Actor
from ill.configuration.documents import ConfigurationDoc
from ill.configuration.queries import in_force
from ill.iso18626 import composing, documents, senders
from ill.iso18626.documents import Document, Read
from ill.iso18626.grammar import QUESTIONS
from ill.iso18626.queueing import what_of
from ill.iso18626.rules import SupplierSays, tells_of_duplicate
from ill.iso18626.senders import SENDER
from ill.partners.rules import symbol_key
from ill.requests import commands
from ill.requests.case import Case
from ill.requests.commands import Wish, happen, place
from ill.requests.hearing import hear_partner, hear_supplier, note_former_supplier
from ill.requests.rules import Told

log = logging.getLogger(__name__)

Error = tuple[str, str]
_TAKEN = """
SELECT answer FROM message WHERE partner_id = $1 AND fingerprint = $2 AND direction = 'in' AND state = 'taken'
"""
_LOG = """
INSERT INTO message (id, request_id, entry_id, partner_id, direction, kind, what, document, answer, state,
    fingerprint, at, version)
VALUES ($1, $2, $3, $4, 'in', $5, $6, $7, $8, $9, $10, $11, $12)
"""
_NAMED = """
UPDATE rota_entry SET suppliers_request_id = coalesce($2, suppliers_request_id), named = coalesce($3, named)
WHERE id = $1
"""
_THEIRS = """
SELECT id, state FROM request WHERE partner_id = $1 AND partners_request_id = $2 AND side = 'lending'
ORDER BY coalesce(named, '') = $3 DESC LIMIT 1
"""
"""The request of this id that was made under the same symbol, or else under another one of the partner's."""
_URL = re.compile(r"https?://\S{1,1000}")


@dataclass(slots=True)
class _Outcome:
    """What became of a message."""

    error: Error | None = None
    request_id: UUID | None = None
    entry_id: UUID | None = None


def _wrong(element: str) -> Error:
    return ("UnrecognisedDataValue", element)


async def receive(resources: Resources, body: bytes, asker: Principal, now: datetime) -> bytes:
    """The confirmation, as XML. `Malformed` for what is no message, `Unauthenticated` for one of a stranger."""
    try:
        read = await asyncio.to_thread(documents.read, body, lenient=True)
    except NotXml as error:
        raise Malformed(
            reasons=[Reason("message-unreadable", f"This is {error}.", "", "Send an ISO 18626 message.")]
        ) from None
    if read.kind not in QUESTIONS:
        text = "A confirmation is the answer to a message, and is not taken by itself."
        raise Malformed(reasons=[Reason("message-unreadable", text)])
    partner = await senders.sender(resources.pool, read, asker)
    token = outbox.origin.set(resources.origin(Actor("partner", str(partner["id"]))))
    try:
        kind, told = await _answered(resources.pool, read, partner, now)
    finally:
        outbox.origin.reset(token)
    return await asyncio.to_thread(documents.write, kind, told, read.version)


def _fingerprint(document: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()


def _kept(document: Document) -> Document:
    """What is kept of a message: nothing that proves somebody, and nothing of their patron."""
    head = {
        name: value
        for name, value in document.get("header", {}).items()
        if name != "requestingAgencyAuthentication"
    }
    return {name: value for name, value in document.items() if name != "patronInfo"} | {"header": head}


async def _answered(
    pool: asyncpg.Pool, read: Read, partner: Mapping[str, Any], now: datetime
) -> tuple[str, Document]:
    document = _kept(read.document)
    fingerprint = _fingerprint(document)
    for attempt in (1, 2):
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await _taken(connection, read, document, fingerprint, partner, now)
        except (
            asyncpg.UniqueViolationError
        ):  # the same message, or request, in the same moment: now it is there
            if attempt == 2:
                raise
    raise AssertionError


async def _taken(
    connection: Connection,
    read: Read,
    document: Document,
    fingerprint: bytes,
    partner: Mapping[str, Any],
    now: datetime,
) -> tuple[str, Document]:
    outcome = _Outcome()
    if read.flaw is not None:
        outcome.error = (read.flaw.kind, read.flaw.value)
    elif read.unknown and not partner["lenient"]:
        outcome.error = ("UnrecognisedDataElement", read.unknown[0])
    else:
        if read.unknown:
            log.warning(
                "a message has elements that the standard does not know",
                extra={"partner": str(partner["id"]), "elements": list(read.unknown[:5])},
            )
        doc = await in_force(connection)
        error = _not_for_us(doc, read, document)
        if error is None:
            hear = {
                "request": _hear_request,
                "supplyingAgencyMessage": _hear_supplier,
                "requestingAgencyMessage": _hear_partner,
            }[read.kind]
            before = await hear(connection, document, fingerprint, partner, now, outcome)
            if before is not None:
                return f"{read.kind}Confirmation", before
        else:
            outcome.error = error
    kind, answer = composing.confirmation(read.kind, document, now=now, error=outcome.error)
    await connection.execute(
        _LOG,
        uuid7(),
        outcome.request_id,
        outcome.entry_id,
        partner["id"],
        read.kind,
        what_of(read.kind, document),
        document,
        answer,
        "refused" if outcome.error else "taken",
        fingerprint,
        now,
        read.version,
    )
    return kind, answer


def _not_for_us(doc: ConfigurationDoc, read: Read, document: Document) -> Error | None:
    element = SENDER[read.kind][1]
    agency = document["header"].get(element)
    if agency is None:  # 2021-2: to whoever gets it
        return None
    if doc.agency is not None and symbol_key(doc.agency.scheme, doc.agency.symbol) == symbol_key(
        agency.get("agencyIdType", ""), agency["agencyIdValue"]
    ):
        return None
    return _wrong(element)


async def _before(connection: Connection, partner: Mapping[str, Any], fingerprint: bytes) -> Document | None:
    answer: Document | None = await connection.fetchval(_TAKEN, partner["id"], fingerprint)
    return answer


# --- requests of partners ---


async def _hear_request(
    connection: Connection,
    document: Document,
    fingerprint: bytes,
    partner: Mapping[str, Any],
    now: datetime,
    outcome: _Outcome,
) -> Document | None:
    if (before := await _before(connection, partner, fingerprint)) is not None:
        return before
    service = document.get("serviceInfo", {})
    kind = service.get("requestType", "New")
    theirs = document["header"]["requestingAgencyRequestId"]
    asked = {name: value for name, value in document.items() if name != "header"}
    content = _fingerprint(asked)
    known = await connection.fetchrow(
        "SELECT id, fingerprint FROM request WHERE partner_id = $1 AND partners_request_id = $2 "
        "AND coalesce(named, '') = $3 AND side = 'lending' FOR UPDATE",
        partner["id"],
        theirs,
        partner["named"] or "",
    )
    if known is not None:
        outcome.request_id = known["id"]
        if kind == "Reminder":
            case = await commands.take_up(connection, known["id"], actor=_actor(partner), now=now)
            await happen(case, "partner-asks-status")
        elif bytes(known["fingerprint"]) != content:
            outcome.error = _wrong("requestingAgencyRequestId")
        return None
    if kind == "Reminder":
        outcome.error = _wrong("requestingAgencyRequestId")
        return None
    if kind == "Retry" and not await _may_retry(connection, partner, service):
        outcome.error = _wrong("requestType")
        return None
    wish = _wish(document, partner, theirs, content)
    row = await place(connection, wish, actor=_actor(partner), now=now)
    outcome.request_id = row["id"]
    if not partner["borrows"]:
        told = Told(reason="policy")
        case = await commands.take_up(connection, row["id"], actor="system:policy", now=now, told=told)
        await happen(case, "cannot-supply")
    return None


async def _may_retry(connection: Connection, partner: Mapping[str, Any], service: Document) -> bool:
    """A retry follows a request that we answered with RetryPossible."""
    before = await connection.fetchrow(
        _THEIRS, partner["id"], service.get("requestingAgencyPreviousRequestId"), partner["named"] or ""
    )
    return before is not None and before["state"] == "retry-offered"


_CITATION = {
    "title": "title",
    "author": "author",
    "edition": "edition",
    "titleOfComponent": "article_title",
    "authorOfComponent": "article_author",
    "volume": "volume",
    "issue": "issue",
    "pagesRequested": "pages",
    "supplierUniqueRecordId": "record_id",
}
_RECORD_CODES = {"PMID": "pmid", "DOI": "doi", "OCLC": "oclc"}


def _wish(document: Document, partner: Mapping[str, Any], theirs: str, content: bytes) -> Wish:
    info, service = document["bibliographicInfo"], document.get("serviceInfo", {})
    publication = document.get("publicationInfo", {})
    citation = {ours: info[name] for name, ours in _CITATION.items() if name in info}
    for number in info.get("bibliographicItemId", ()):
        code = number.get("bibliographicItemIdentifierCode", "").lower()
        if code in ("isbn", "issn") and "bibliographicItemIdentifier" in number:
            citation.setdefault(code, number["bibliographicItemIdentifier"])
    for number in info.get("bibliographicRecordId", ()):
        ours = _RECORD_CODES.get(number.get("bibliographicRecordIdentifierCode", "").upper())
        if ours and "bibliographicRecordIdentifier" in number:
            citation.setdefault(ours, number["bibliographicRecordIdentifier"])
    for name, ours in (
        ("publisher", "publisher"),
        ("publicationDate", "year"),
        ("placeOfPublication", "place"),
    ):
        if name in publication:
            citation[ours] = publication[name]
    if isinstance(several := citation.get("volume"), list):
        citation |= {"volume": "; ".join(several), "volumes": several}
    edition = service.get("preferredEdition")
    cost, currency = _money(document.get("billingInfo", {}).get("maximumCosts"))
    wanted = service.get("serviceType") or ("Copy" if "titleOfComponent" in info else "Loan")
    return Wish(
        service={theirs_: ours for ours, theirs_ in composing.SERVICES.items()}[wanted],
        citation=citation,
        partner_id=partner["id"],
        partners_request_id=theirs,
        fingerprint=content,
        service_level=service.get("serviceLevel"),
        need_before=_moment(service.get("needBeforeDate")),
        max_cost=cost,
        currency=currency,
        any_edition=service.get("anyEdition", "Y") == "Y",
        preferred_edition={theirs_: ours for ours, theirs_ in composing.PREFERRED.items()}.get(edition or ""),
        named=partner["named"],
        note=service.get("note"),
    )


def _actor(partner: Mapping[str, Any]) -> str:
    return f"partner:{partner['id']}"


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _money(told: Mapping[str, Any] | None) -> tuple[int | None, str | None]:
    if not told or "currencyCode" not in told or "monetaryValue" not in told:
        return None, None
    currency = told["currencyCode"]
    return composing.minor(told["monetaryValue"], currency), currency


# --- what suppliers say of requests of ours ---


async def _hear_supplier(
    connection: Connection,
    document: Document,
    fingerprint: bytes,
    partner: Mapping[str, Any],
    now: datetime,
    outcome: _Outcome,
) -> Document | None:
    head, info = document["header"], document["messageInfo"]
    entry = await connection.fetchrow(
        "SELECT * FROM rota_entry WHERE wire_id = $1", head["requestingAgencyRequestId"]
    )
    if entry is None:
        outcome.error = _wrong("requestingAgencyRequestId")
        return None
    if entry["partner_id"] != partner["id"]:
        outcome.error = _wrong("supplyingAgencyId")
        return None
    outcome.request_id, outcome.entry_id = entry["request_id"], entry["id"]
    case = await commands.take_up(connection, entry["request_id"], actor=_actor(partner), now=now)
    if (before := await _before(connection, partner, fingerprint)) is not None:
        return before
    entry = await connection.fetchrow("SELECT * FROM rota_entry WHERE id = $1", entry["id"])
    assert entry is not None
    told, says = _told(document), _says(document)
    if entry["state"] != "active":
        await _hear_former(case, told, says, outcome)
        return None
    await connection.execute(_NAMED, entry["id"], head.get("supplyingAgencyRequestId"), partner["named"])
    if info["reasonForMessage"] == "StatusChange" and says.status is None:
        return None
    if (wrong := await hear_supplier(case, says, told)) is not None:
        outcome.error = _wrong(wrong)
    return None


async def _hear_former(case: Case, told: Told, says: SupplierSays, outcome: _Outcome) -> None:
    """A supplier that was left: its notes are shown, a parcel of its is an alarm, its answer to our cancel is read."""
    if case.row["ended"] or says.reason == "CancelResponse":
        return
    if says.reason == "Notification":
        await note_former_supplier(case, told, "former-supplier-writes")
    elif says.status == "Loaned":
        await note_former_supplier(case, told, "former-supplier-shipped")
    else:
        outcome.error = _wrong("supplyingAgencyId")


def _says(document: Document) -> SupplierSays:
    info, delivery = document["messageInfo"], document.get("deliveryInfo", {})
    return SupplierSays(
        reason=info["reasonForMessage"],
        status=document.get("statusInfo", {}).get("status"),
        answer=info.get("answerYesNo"),
        conditional=bool(
            delivery.get("loanCondition") or info.get("offeredCosts") or delivery.get("deliveryCosts")
        ),
        duplicate=tells_of_duplicate(info.get("reasonUnfilled"), info.get("note")),
    )


def _told(document: Document) -> Told:
    info, delivery = document["messageInfo"], document.get("deliveryInfo", {})
    retry = document.get("retryInfo", {})
    cost, currency = _money(info.get("offeredCosts") or _one(delivery.get("deliveryCosts")))
    note = info.get("note")
    where = delivery.get("URL") or (note if delivery.get("sentVia") == "URL" else None)
    link = _URL.search(where or "")
    return Told(
        note=note,
        reason=info.get("reasonUnfilled") or info.get("reasonRetry"),
        conditions=(*_each(delivery.get("loanCondition")), *retry.get("loanCondition", ())),
        wants={name: value for name, value in retry.items() if name != "loanCondition"},
        cost=cost,
        currency=currency,
        due_at=_moment(document.get("statusInfo", {}).get("dueDate")),
        item_barcode="; ".join(_each(delivery.get("itemId"))) or None,
        link=link.group() if link else None,
        retry_after=_moment(info.get("retryAfter")),
        retry_before=_moment(info.get("retryBefore")),
    )


def _each(told: Any) -> list[str]:
    """One value or several, as a list."""
    return [] if told is None else list(told) if isinstance(told, list) else [told]


def _one(told: Any) -> Any:
    return told[0] if isinstance(told, list) else told


# --- what partners do with requests of theirs ---


async def _hear_partner(
    connection: Connection,
    document: Document,
    fingerprint: bytes,
    partner: Mapping[str, Any],
    now: datetime,
    outcome: _Outcome,
) -> Document | None:
    theirs = document["header"]["requestingAgencyRequestId"]
    found = await connection.fetchrow(_THEIRS, partner["id"], theirs, partner["named"] or "")
    if found is None:
        outcome.error = _wrong("requestingAgencyRequestId")
        return None
    outcome.request_id = found["id"]
    case = await commands.take_up(connection, found["id"], actor=_actor(partner), now=now)
    if (before := await _before(connection, partner, fingerprint)) is not None:
        return before
    if not await hear_partner(case, document["action"], Told(note=document.get("note"))):
        outcome.error = _wrong("action")
    return None
