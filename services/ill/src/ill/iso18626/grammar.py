"""What stands in an ISO 18626 message of version 1.2 (2017) or 2021-2, in which order: tables for reading and writing.

What the standard demands and peers leave out (`multipleItemRequestId`, `lastChange`, `dateSent`) is not missed when
reading; when writing, whoever composes a message puts it in. Closed lists are closed; open ones take any word.
"""

from dataclasses import dataclass
from typing import Final

SPACE: Final = "http://illtransactions.org/2013/iso18626"
V12, V2021 = "1.2", "2021-2"
SPOKEN: Final = (V12, V2021)
VERSIONS_READ: Final = {"1.0": V12, "1.1": V12, V12: V12, V2021: V2021}
"""By what stands in a message: the version it is read as."""

TEXT, MOMENT, DECIMAL, WHOLE, BOOLEAN, ID = "text", "moment", "decimal", "whole", "boolean", "id"
"""Kinds of leaves; `ID` is text that must not be empty."""

Lists = dict[str, frozenset[str]]

CLOSED: Final[Lists] = {
    "reason": frozenset(
        {
            "RequestResponse",
            "StatusRequestResponse",
            "RenewResponse",
            "CancelResponse",
            "StatusChange",
            "Notification",
        }
    ),
    "status": frozenset(
        {
            "RequestReceived",
            "ExpectToSupply",
            "WillSupply",
            "Loaned",
            "Overdue",
            "Recalled",
            "RetryPossible",
            "Unfilled",
            "CopyCompleted",
            "LoanCompleted",
            "CompletedWithoutReturn",
            "Cancelled",
        }
    ),
    "action": frozenset(
        {"StatusRequest", "Received", "Cancel", "Renew", "ShippedReturn", "ShippedForward", "Notification"}
    ),
    "error": frozenset(
        {
            "UnsupportedActionType",
            "UnsupportedReasonForMessageType",
            "UnrecognisedDataElement",
            "UnrecognisedDataValue",
            "BadlyFormedMessage",
        }
    ),
    "outcome": frozenset({"OK", "ERROR"}),
    "request": frozenset({"New", "Retry", "Reminder"}),
    "subtype": frozenset(
        {
            "BookingRequest",
            "MultipleItemRequest",
            "PatronRequest",
            "TransferRequest",
            "SupplyingLibrarysChoice",
        }
    ),
    "service": frozenset({"Copy", "Loan", "CopyOrLoan"}),
    "yes-no": frozenset({"Y", "N"}),
}
CLOSED_2021: Final[Lists] = CLOSED | {
    "status": CLOSED["status"] | {"HoldReturn", "ReleaseHoldReturn"},
    "action": CLOSED["action"] | {"HoldReturn", "Lost"},
    "edition": frozenset({"MostRecentEdition", "ThisEdition", "AnyEdition"}),
}


@dataclass(frozen=True, slots=True)
class Part:
    """An element within another: its name, what it holds (a kind of leaf, a closed list, a group)."""

    name: str
    holds: str
    wanted: bool = False
    many: bool = False
    tolerated: bool = False
    """Read where a peer sends it, and never written: the version has no place for it."""


def _group(told: str) -> tuple[Part, ...]:
    """`name:holds` one after another; `!` must be there, `*` may come again, `~` is only read."""
    parts = []
    for word in told.split():
        name, _, holds = word.partition(":")
        parts.append(Part(name.rstrip("!*~"), holds or TEXT, "!" in name, "*" in name, "~" in name))
    return tuple(parts)


Groups = dict[str, tuple[Part, ...]]

GROUPS: Final[Groups] = {
    "requestMessage": _group(
        "header!:header bibliographicInfo!:bibliographicInfo publicationInfo:publicationInfo "
        "serviceInfo:serviceInfo supplierInfo*:supplierInfo requestedDeliveryInfo*:requestedDeliveryInfo "
        "requestingAgencyInfo:requestingAgencyInfo patronInfo:patronInfo billingInfo:billingInfo"
    ),
    "supplyingAgencyMessage": _group(
        "header!:header messageInfo!:messageInfo statusInfo:statusInfo deliveryInfo:deliveryInfo "
        "returnInfo:returnInfo"
    ),
    "requestingAgencyMessage": _group("header!:header action!:action note"),
    "requestConfirmation": _group("confirmationHeader!:confirmationHeader errorData:errorData"),
    "supplyingAgencyMessageConfirmation": _group(
        "confirmationHeader!:confirmationHeader reasonForMessage:reason errorData:errorData"
    ),
    "requestingAgencyMessageConfirmation": _group(
        "confirmationHeader!:confirmationHeader action:action errorData:errorData"
    ),
    "header": _group(
        "supplyingAgencyId!:agency requestingAgencyId!:agency multipleItemRequestId timestamp:moment "
        "requestingAgencyRequestId!:id supplyingAgencyRequestId requestingAgencyAuthentication:authentication"
    ),
    "confirmationHeader": _group(
        "supplyingAgencyId:agency requestingAgencyId:agency timestamp:moment requestingAgencyRequestId "
        "multipleItemRequestId timestampReceived:moment messageStatus!:outcome"
    ),
    "agency": _group("agencyIdType agencyIdValue!:id"),
    "authentication": _group("accountId securityCode"),
    "errorData": _group("errorType!:error errorValue"),
    "bibliographicInfo": _group(
        "supplierUniqueRecordId title author subtitle seriesTitle edition titleOfComponent authorOfComponent "
        "volume issue pagesRequested estimatedNoPages bibliographicItemId*:bibliographicItemId sponsor "
        "informationSource bibliographicRecordId*:bibliographicRecordId"
    ),
    "bibliographicItemId": _group("bibliographicItemIdentifier bibliographicItemIdentifierCode"),
    "bibliographicRecordId": _group("bibliographicRecordIdentifierCode bibliographicRecordIdentifier"),
    "publicationInfo": _group("publisher publicationType publicationDate placeOfPublication"),
    "serviceInfo": _group(
        "requestType:request requestSubType*:subtype requestingAgencyPreviousRequestId serviceType!:service "
        "serviceLevel preferredFormat needBeforeDate:moment copyrightCompliance anyEdition:yes-no "
        "startDate:moment endDate:moment note"
    ),
    "supplierInfo": _group(
        "sortOrder:whole supplierCode:agency supplierDescription bibliographicRecordId:bibliographicRecordId "
        "callNumber summaryHoldings availabilityNote"
    ),
    "requestedDeliveryInfo": _group("sortOrder:whole address:address"),
    "requestingAgencyInfo": _group("name contactName address*:address"),
    "patronInfo": _group("patronId surname givenName patronType sendToPatron:yes-no address*:address"),
    "billingInfo": _group("paymentMethod maximumCosts:costs billingMethod billingName address:address"),
    "messageInfo": _group(
        "reasonForMessage!:reason answerYesNo:yes-no note reasonUnfilled reasonRetry offeredCosts:costs "
        "retryAfter:moment retryBefore:moment"
    ),
    "statusInfo": _group("status:status expectedDeliveryDate:moment dueDate:moment lastChange:moment"),
    "deliveryInfo": _group(
        "dateSent:moment itemId sentVia sentToPatron:boolean loanCondition deliveredFormat deliveryCosts:costs"
    ),
    "returnInfo": _group("returnAgencyId:agency name physicalAddress:physicalAddress"),
    "costs": _group("currencyCode monetaryValue:decimal"),
    "address": _group("electronicAddress:electronicAddress physicalAddress:physicalAddress"),
    "electronicAddress": _group("electronicAddressType electronicAddressData"),
    "physicalAddress": _group("line1 line2 locality postalCode region country"),
}

GROUPS_2021: Final[Groups] = GROUPS | {
    "requestMessage": _group(
        "header!:requestHeader bibliographicInfo!:bibliographicInfo publicationInfo:publicationInfo "
        "serviceInfo!:serviceInfo supplierInfo*:supplierInfo requestedDeliveryInfo*:requestedDeliveryInfo "
        "requestingAgencyInfo:requestingAgencyInfo patronInfo:patronInfo billingInfo:billingInfo"
    ),
    "supplyingAgencyMessage": _group(
        "header!:supplierHeader messageInfo!:messageInfo statusInfo:statusInfo retryInfo:retryInfo "
        "deliveryInfo:deliveryInfo shippingInfo:shippingInfo returnInfo:returnInfo"
    ),
    "requestingAgencyMessage": _group("header!:requesterHeader action!:action note"),
    "requestConfirmation": _group("confirmationHeader!:confirmationHeader errorData*:errorData"),
    "supplyingAgencyMessageConfirmation": _group(
        "confirmationHeader!:confirmationHeader reasonForMessage:reason errorData*:errorData"
    ),
    "requestingAgencyMessageConfirmation": _group(
        "confirmationHeader!:confirmationHeader action:action errorData*:errorData"
    ),
    "requestHeader": _group(
        "supplyingAgencyId:agency requestingAgencyId!:agency consortialId:agency multipleItemRequestId "
        "timestamp:moment requestingAgencyRequestId!:id requestingAgencyAuthentication:authentication"
    ),
    "requesterHeader": _group(
        "supplyingAgencyId!:agency requestingAgencyId!:agency consortialId:agency timestamp:moment "
        "requestingAgencyRequestId!:id supplyingAgencyRequestId requestingAgencyAuthentication:authentication "
        "multipleItemRequestId~"
    ),
    "supplierHeader": _group(
        "supplyingAgencyId!:agency requestingAgencyId!:agency timestamp:moment requestingAgencyRequestId!:id "
        "supplyingAgencyRequestId multipleItemRequestId~ requestingAgencyAuthentication~:authentication"
    ),
    "confirmationHeader": _group(
        "supplyingAgencyId:agency requestingAgencyId:agency timestamp:moment requestingAgencyRequestId "
        "timestampReceived:moment messageStatus!:outcome multipleItemRequestId~"
    ),
    "bibliographicInfo": _group(
        "supplierUniqueRecordId title author authorId subtitle seriesTitle edition titleOfComponent "
        "authorOfComponent volume* issue pagesRequested estimatedNoPages "
        "bibliographicItemId*:bibliographicItemId sponsor informationSource "
        "bibliographicRecordId*:bibliographicRecordId"
    ),
    "bibliographicItemId": _group("bibliographicItemIdentifierCode bibliographicItemIdentifier"),
    "publicationInfo": _group("publisher publisherId publicationType publicationDate placeOfPublication"),
    "serviceInfo": _group(
        "requestType:request requestSubType*:subtype requestingAgencyPreviousRequestId serviceType!:service "
        "serviceLevel itemFormat needBeforeDate:moment copyrightCompliance anyEdition:yes-no "
        "preferredEdition:edition loanCondition* startDate:moment endDate:moment note"
    ),
    "requestedDeliveryInfo": _group("sortOrder:whole address:address deliveryMethod courierName"),
    "messageInfo": _group("reasonForMessage!:reason answerYesNo:yes-no note reasonUnfilled reasonRetry"),
    "retryInfo": _group(
        "loanCondition* edition* itemFormat* volume* serviceType:service serviceLevel* deliveryMethod* "
        "courierName* offeredCosts*:costs paymentMethod* retryBefore:moment retryAfter:moment"
    ),
    "deliveryInfo": _group(
        "dateSent:moment itemId* URL deliveryMethod address:address sentToPatron:boolean loanCondition* "
        "itemFormat serviceType:service deliveryCosts*:costs paymentMethod"
    ),
    "shippingInfo": _group(
        "courierName trackingId* insurance:yes-no insuranceThirdParty:yes-no thirdPartyName "
        "insuranceCosts*:costs"
    ),
}


@dataclass(frozen=True, slots=True)
class Grammar:
    """One version: what may stand in it, and the words of its closed lists."""

    version: str
    groups: Groups
    closed: Lists


GRAMMARS: Final = {V12: Grammar(V12, GROUPS, CLOSED), V2021: Grammar(V2021, GROUPS_2021, CLOSED_2021)}

MESSAGES: Final = {
    "request": "requestMessage",
    "supplyingAgencyMessage": "supplyingAgencyMessage",
    "requestingAgencyMessage": "requestingAgencyMessage",
    "requestConfirmation": "requestConfirmation",
    "supplyingAgencyMessageConfirmation": "supplyingAgencyMessageConfirmation",
    "requestingAgencyMessageConfirmation": "requestingAgencyMessageConfirmation",
}
"""Each message's element and the group it holds."""
QUESTIONS: Final = frozenset({"request", "supplyingAgencyMessage", "requestingAgencyMessage"})
"""Messages that are answered by a confirmation."""
