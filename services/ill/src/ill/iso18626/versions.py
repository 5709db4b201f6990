"""Between the shape that a message has within the house and what version 1.2 or 2021-2 of the standard writes.

Ours is that of 1.2 with room for what came later: several volumes, conditions, items and costs, a link, an edition that
is preferred. What a version has no place for goes into the note where somebody has to know of it, and is left out where
nobody has. No clock, no database.
"""

from collections.abc import Mapping
from typing import Any, Final

from ill.iso18626.grammar import V12, V2021

Document = dict[str, Any]

_IN_WORDS: Final = {
    "Lost": "The item is lost.",
    "HoldReturn": "We hold the item back, and return it later.",
}
"""Actions of 2021-2, as a Notification says them."""
_STATUS_IN_WORDS: Final = {
    "HoldReturn": "Please hold the item, and do not return it yet.",
    "ReleaseHoldReturn": "The item may be returned now.",
}
_EDITIONS: Final = {"AnyEdition": "Y", "MostRecentEdition": "Y", "ThisEdition": "N"}
"""anyEdition of 1.2, by preferredEdition of 2021-2: whoever prefers the newest takes another than the one cited."""
_NEWEST: Final = "Preferably the most recent edition."
_LATER: Final = {
    "header": ("consortialId",),
    "bibliographicInfo": ("authorId",),
    "publicationInfo": ("publisherId",),
    "serviceInfo": ("preferredEdition", "loanCondition"),
    "statusInfo": ("otherwise",),
    "deliveryInfo": ("URL", "address", "serviceType", "paymentMethod"),
}
"""What 1.2 has no element for."""


def fitted(kind: str, document: Mapping[str, Any], version: str) -> Document:
    """The message as it can be said in a version, still in our shape: what goes out, and what is logged of it."""
    told = dict(document)
    if version == V2021:
        return told
    if kind == "requestingAgencyMessage" and told.get("action") in _IN_WORDS:
        told["note"] = told.get("note") or _IN_WORDS[told["action"]]
        told["action"] = "Notification"
    if kind == "requestingAgencyMessageConfirmation" and told.get("action") in _IN_WORDS:
        del told["action"]  # an echo, which may be left out
    status = told.get("statusInfo", {}).get("status")
    if kind == "supplyingAgencyMessage" and status in _STATUS_IN_WORDS:
        info = told["messageInfo"]
        told["messageInfo"] = info | {
            "reasonForMessage": "Notification",
            "note": _words(_STATUS_IN_WORDS[status], info.get("note")),
        }
        told["statusInfo"] = told["statusInfo"] | {"status": told["statusInfo"].get("otherwise", "Loaned")}
    service = told.get("serviceInfo", {})
    if service.get("preferredEdition") == "MostRecentEdition" and not _says(service.get("note"), _NEWEST):
        told["serviceInfo"] = service | {"note": _words(_NEWEST, service.get("note"))}
    return told


def _words(*told: str | None) -> str:
    return " ".join(word for word in told if word)


def _says(note: str | None, words: str) -> bool:
    return words in (note or "")


def theirs(kind: str, document: Mapping[str, Any], version: str) -> Document:
    """A message of ours as the version writes it."""
    told = fitted(kind, document, version)
    return _in_1_2(told) if version == V12 else _in_2021(kind, told)


def _in_1_2(told: Document) -> Document:
    for name, later in _LATER.items():
        if name in told:
            told[name] = {key: value for key, value in told[name].items() if key not in later}
    if "bibliographicInfo" in told:
        told["bibliographicInfo"] = _with(told["bibliographicInfo"], "volume", "; ".join)
    if "deliveryInfo" in told:
        delivery = _with(told["deliveryInfo"], "loanCondition", _first)
        told["deliveryInfo"] = _with(_with(delivery, "deliveryCosts", _first), "itemId", _first)
    if "requestedDeliveryInfo" in told:
        places = [
            {name: place[name] for name in ("sortOrder", "address") if name in place}
            for place in told["requestedDeliveryInfo"]
        ]
        told["requestedDeliveryInfo"] = [place for place in places if "address" in place]
    return {name: value for name, value in told.items() if name not in ("retryInfo", "shippingInfo")}


def _first(several: list[Any]) -> Any:
    return several[0] if several else None


def _with(group: Mapping[str, Any], name: str, of_several: Any) -> Document:
    """The group with one value where there may be several."""
    value = group.get(name)
    return dict(group) | ({name: of_several(value)} if isinstance(value, list) else {})


def _several(group: Document, *names: str) -> Document:
    """The group with lists where there may be one value."""
    wrapped = {name: [group[name]] for name in names if name in group and not isinstance(group[name], list)}
    return group | wrapped


def _renamed(group: Mapping[str, Any], names: Mapping[str, str]) -> Document:
    return {names.get(name, name): value for name, value in group.items()}


def _in_2021(kind: str, told: Document) -> Document:
    head = told.get("confirmationHeader", {})
    if "multipleItemRequestId" in head:
        told["confirmationHeader"] = {
            name: value
            for name, value in head.items()
            if name != "multipleItemRequestId" and (name != "requestingAgencyRequestId" or value)
        }
    if "header" in told:
        told["header"] = {
            name: value
            for name, value in told["header"].items()
            if name not in _NOT_IN_HEADER[kind] and (name != "multipleItemRequestId" or value)
        }
    if "errorData" in told:
        told = _several(told, "errorData")
    if "bibliographicInfo" in told:
        told["bibliographicInfo"] = _several(told["bibliographicInfo"], "volume")
    if "serviceInfo" in told:
        service = _renamed(told["serviceInfo"], {"preferredFormat": "itemFormat"})
        if "preferredEdition" not in service and "anyEdition" in service:
            service["preferredEdition"] = "AnyEdition" if service["anyEdition"] == "Y" else "ThisEdition"
        told["serviceInfo"] = _several(service, "loanCondition")
    if "statusInfo" in told:
        told["statusInfo"] = {n: value for n, value in told["statusInfo"].items() if n != "otherwise"}
    if kind == "supplyingAgencyMessage":
        told = _supplying_2021(told)
    return told


_NOT_IN_HEADER: Final = {
    "request": ("supplyingAgencyRequestId",),
    "requestingAgencyMessage": ("multipleItemRequestId",),
    "supplyingAgencyMessage": ("multipleItemRequestId", "requestingAgencyAuthentication", "consortialId"),
}


def _supplying_2021(told: Document) -> Document:
    """Costs and times of a retry have a group of their own; other costs lie with what is delivered."""
    info = dict(told.get("messageInfo", {}))
    moved = {name: info.pop(name) for name in ("offeredCosts", "retryAfter", "retryBefore") if name in info}
    told["messageInfo"] = info
    delivery = _renamed(
        told.get("deliveryInfo", {}), {"sentVia": "deliveryMethod", "deliveredFormat": "itemFormat"}
    )
    delivery = _several(delivery, "itemId", "loanCondition", "deliveryCosts")
    retry = dict(told.get("retryInfo", {}))
    if (cost := moved.pop("offeredCosts", None)) is not None:
        moved["offeredCosts"] = [cost, *retry.get("offeredCosts", ())]
    retry |= moved
    if told.get("statusInfo", {}).get("status") == "RetryPossible":
        if "loanCondition" in delivery:
            retry["loanCondition"] = [*retry.get("loanCondition", ()), *delivery.pop("loanCondition")]
    elif "offeredCosts" in retry:
        delivery.setdefault("deliveryCosts", retry.pop("offeredCosts"))
    if set(delivery) == {"dateSent"}:
        delivery = {}
    if delivery and "dateSent" not in delivery:
        delivery["dateSent"] = told.get("statusInfo", {}).get("lastChange")
    told["deliveryInfo"] = delivery or None
    told["retryInfo"] = retry or None
    return told


def ours(kind: str, document: Document, version: str) -> Document:
    """A message that was read by a version, in our shape."""
    if version == V12:
        return document
    told = dict(document)
    if "bibliographicInfo" in told:
        told["bibliographicInfo"] = _alone(told["bibliographicInfo"], "volume")
    if "serviceInfo" in told:
        service = _renamed(told["serviceInfo"], {"itemFormat": "preferredFormat"})
        if (edition := service.get("preferredEdition")) is not None:
            service.setdefault("anyEdition", _EDITIONS[edition])
        told["serviceInfo"] = service
    if told.get("errorData"):
        told["errorData"] = told["errorData"][0]  # the gravest stands first
    if kind == "supplyingAgencyMessage":
        told = _supplying_ours(told)
    return told


def _alone(group: Document, *names: str) -> Document:
    """The group with one value where there is only one."""
    return group | {name: group[name][0] for name in names if len(group.get(name, ())) == 1}


def _supplying_ours(told: Document) -> Document:
    if "deliveryInfo" in told:
        delivery = _renamed(
            told["deliveryInfo"], {"deliveryMethod": "sentVia", "itemFormat": "deliveredFormat"}
        )
        told["deliveryInfo"] = _alone(delivery, "itemId", "loanCondition", "deliveryCosts")
    if "retryInfo" in told and "messageInfo" in told:
        retry = dict(told["retryInfo"])
        moved = {name: retry.pop(name) for name in ("retryAfter", "retryBefore") if name in retry}
        if offered := retry.pop("offeredCosts", None):
            moved["offeredCosts"] = offered[0]
            retry |= {"offeredCosts": offered[1:]} if offered[1:] else {}
        told["messageInfo"] = told["messageInfo"] | moved
        told["retryInfo"] = retry
    return told
