"""Our messages, in our own shape (`versions`). No clock, no database; nothing of a patron is ever put in.

1.2 has no place for several loan conditions: the first goes into its element, all of them into the note, where other
systems show them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ill.iso18626.documents import Document

SERVICES: Final = {"loan": "Loan", "copy": "Copy", "copy-or-loan": "CopyOrLoan"}
_PLACES: Final = {
    "JPY": 0,
    "KRW": 0,
    "ISK": 0,
    "CLP": 0,
    "VND": 0,
    "KWD": 3,
    "BHD": 3,
    "JOD": 3,
    "TND": 3,
    "OMR": 3,
}
"""Decimal places of currencies that do not have two (ISO 4217)."""


@dataclass(frozen=True, slots=True)
class Agency:
    """A library, as messages name it."""

    scheme: str
    symbol: str
    name: str | None = None
    address: tuple[str, ...] = ()
    email: str | None = None


def named(told: str | None) -> Agency | None:
    """The agency behind a transparent broker, kept as `scheme:symbol`."""
    scheme, _, symbol = (told or "").partition(":")
    return Agency(scheme, symbol) if symbol else None


def decimal(minor: int, currency: str) -> str:
    """Minor units as a decimal."""
    return str(Decimal(minor).scaleb(-_PLACES.get(currency, 2)))


def minor(value: str, currency: str) -> int:
    """A decimal as minor units, rounded up: what is paid is never less."""
    return int(Decimal(value).scaleb(_PLACES.get(currency, 2)).to_integral_value(rounding="ROUND_CEILING"))


def costs(amount: int | None, currency: str | None) -> Document | None:
    """An amount of money, if there is one."""
    if amount is None or currency is None:
        return None
    return {"currencyCode": currency, "monetaryValue": decimal(amount, currency)}


PREFERRED: Final = {"any": "AnyEdition", "this": "ThisEdition", "most-recent": "MostRecentEdition"}
"""preferredEdition (2021-2)."""


def _kept(**told: Any) -> Document:
    return {name: value for name, value in told.items() if value is not None and value != "" and value != []}


def agency(of: Agency) -> Document:
    """Who it is."""
    return {"agencyIdType": of.scheme, "agencyIdValue": of.symbol}


def header(
    *, supplier: Agency, requester: Agency, request_id: str, suppliers_id: str | None, now: datetime
) -> Document:
    """What every message begins with."""
    return {
        "supplyingAgencyId": agency(supplier),
        "requestingAgencyId": agency(requester),
        "multipleItemRequestId": "",
        "timestamp": now.isoformat(),
        "requestingAgencyRequestId": request_id,
        **_kept(supplyingAgencyRequestId=suppliers_id),
    }


def _item_ids(citation: Mapping[str, Any]) -> list[Document]:
    return [
        {"bibliographicItemIdentifier": citation[name], "bibliographicItemIdentifierCode": code}
        for name, code in (("isbn", "ISBN"), ("issn", "ISSN"), ("eissn", "ISSN"))
        if citation.get(name)
    ]


def _record_ids(citation: Mapping[str, Any]) -> list[Document]:
    return [
        {"bibliographicRecordIdentifierCode": code, "bibliographicRecordIdentifier": citation[name]}
        for name, code in (("pmid", "PMID"), ("doi", "DOI"), ("oclc", "OCLC"))
        if citation.get(name)
    ]


def request(
    row: Mapping[str, Any],
    head: Document,
    *,
    us: Agency,
    previous: str | None,
    max_cost: Document | None,
    agreed: Sequence[str] = (),
) -> Document:
    """A request, New or (with the id of the one before, and conditions that are agreed to) Retry."""
    citation = row["citation"]
    addresses: list[Document] = []
    if us.address:
        lines = ("line1", "line2", "locality")
        told = [*us.address[:2], ", ".join(us.address[2:])]
        addresses.append({"physicalAddress": _kept(**dict(zip(lines, told, strict=False)))})
    if us.email:
        addresses.append(
            {"electronicAddress": {"electronicAddressType": "Email", "electronicAddressData": us.email}}
        )
    return _kept(
        header=head,
        bibliographicInfo=_kept(
            supplierUniqueRecordId=citation.get("record_id"),
            title=citation.get("title"),
            author=citation.get("author"),
            edition=citation.get("edition"),
            titleOfComponent=citation.get("article_title"),
            authorOfComponent=citation.get("article_author"),
            volume=citation.get("volumes") or citation.get("volume"),
            issue=citation.get("issue"),
            pagesRequested=citation.get("pages"),
            bibliographicItemId=_item_ids(citation),
            bibliographicRecordId=_record_ids(citation),
        ),
        publicationInfo=_kept(
            publisher=citation.get("publisher"),
            publicationType="Article" if citation.get("article_title") and citation.get("issn") else None,
            publicationDate=citation.get("year"),
            placeOfPublication=citation.get("place"),
        )
        or None,
        serviceInfo=_kept(
            requestType="Retry" if previous else "New",
            requestSubType=["MultipleItemRequest"] if len(citation.get("volumes", ())) > 1 else None,
            requestingAgencyPreviousRequestId=previous,
            serviceType=SERVICES[row["service"]],
            serviceLevel=row["service_level"],
            needBeforeDate=row["need_before"].isoformat() if row["need_before"] else None,
            copyrightCompliance=row["compliance"],
            anyEdition="Y" if row["any_edition"] else "N",
            preferredEdition=PREFERRED.get(row["preferred_edition"] or ""),
            loanCondition=list(agreed),
            note=". ".join(word for word in (_agreed(agreed), row["note"]) if word),
        ),
        requestedDeliveryInfo=[
            {"sortOrder": order, "address": address} for order, address in enumerate(addresses)
        ],
        requestingAgencyInfo=_kept(name=us.name) or None,
        billingInfo={"maximumCosts": max_cost} if max_cost else None,
    )


def _agreed(conditions: Sequence[str]) -> str | None:
    return f"Conditions accepted: {'; '.join(conditions)}" if conditions else None


def action(head: Document, what: str, note: str | None) -> Document:
    """A requestingAgencyMessage."""
    return _kept(header=head, action=what, note=note)


def supplying(
    head: Document,
    *,
    reason: str,
    status: str,
    now: datetime,
    answer: str | None = None,
    note: str | None = None,
    due_at: datetime | None = None,
    offer: Mapping[str, Any] | None = None,
    sent: Document | None = None,
    return_to: Agency | None = None,
    otherwise: str | None = None,
) -> Document:
    """A supplyingAgencyMessage. `offer` holds conditions, costs and times; `sent` what else deliveryInfo tells;
    `otherwise` is the status for a partner whose version does not know this one.
    """
    offered = dict(offer or {})
    conditions: Sequence[str] = offered.get("conditions", ())
    words = [note, f"Conditions: {'; '.join(conditions)}" if len(conditions) > 1 else None]
    cost = costs(offered.get("cost"), offered.get("currency"))
    delivery = _kept(**(sent or {}), loanCondition=list(conditions))
    return _kept(
        header=head,
        messageInfo=_kept(
            reasonForMessage=reason,
            answerYesNo=answer,
            note=". ".join(word for word in words if word),
            reasonUnfilled=offered.get("reason") if status == "Unfilled" else None,
            reasonRetry=offered.get("reason") if status == "RetryPossible" else None,
            offeredCosts=cost,
            retryAfter=offered.get("retry_after"),
            retryBefore=offered.get("retry_before"),
        ),
        statusInfo=_kept(
            status=status,
            dueDate=due_at.isoformat() if due_at else None,
            lastChange=now.isoformat(),
            otherwise=otherwise,
        ),
        deliveryInfo={"dateSent": now.isoformat(), **delivery} if delivery else None,
        returnInfo=_return_to(return_to) if return_to else None,
    )


def _return_to(us: Agency) -> Document:
    lines = {f"line{at + 1}": line for at, line in enumerate(us.address[:2])}
    return _kept(
        returnAgencyId=agency(us),
        name=us.name,
        physicalAddress=_kept(**lines, locality=", ".join(us.address[2:])) or None,
    )


def confirmation(
    kind: str,
    document: Mapping[str, Any],
    *,
    now: datetime,
    error: tuple[str, str] | None = None,
) -> tuple[str, Document]:
    """The answer to a message: its element and document. It echoes what could be read of the question."""
    head = document.get("header", {})
    stamp = head.get("timestamp") or now.isoformat()
    told = {
        "confirmationHeader": {
            **{
                name: head[name]
                for name in ("supplyingAgencyId", "requestingAgencyId")
                if {"agencyIdType", "agencyIdValue"} <= head.get(name, {}).keys()
            },
            "timestamp": now.isoformat(),
            "requestingAgencyRequestId": head.get("requestingAgencyRequestId", ""),
            "multipleItemRequestId": head.get("multipleItemRequestId", ""),
            "timestampReceived": stamp,
            "messageStatus": "ERROR" if error else "OK",
        }
    }
    if kind == "supplyingAgencyMessage" and (
        reason := document.get("messageInfo", {}).get("reasonForMessage")
    ):
        told["reasonForMessage"] = reason
    if kind == "requestingAgencyMessage" and (what := document.get("action")):
        told["action"] = what
    if error:
        told["errorData"] = {"errorType": error[0], "errorValue": error[1]}
    return f"{kind}Confirmation", told
