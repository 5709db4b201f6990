"""What a vendor posts, as JSON or as XML, read into paths and values."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.markup import Element, NotXml, read
from chassis.problems import Invalid, Reason

LIMIT: Final = 262_144
"""Bytes of one order."""
ROOT: Final = "PurchaseOrder"
KINDS: Final = (
    "listed-electronic-monograph",
    "listed-electronic-serial",
    "listed-print-monograph",
    "listed-print-serial",
    "unlisted-electronic-monograph",
    "unlisted-electronic-serial",
    "unlisted-print-monograph",
    "unlisted-print-serial",
)
Kind = Literal[
    "listed-electronic-monograph",
    "listed-electronic-serial",
    "listed-print-monograph",
    "listed-print-serial",
    "unlisted-electronic-monograph",
    "unlisted-electronic-serial",
    "unlisted-print-monograph",
    "unlisted-print-serial",
]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Posted = dict[str, list[str]]
"""By path, everything that was said there."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VendorPriceIn(_Told):
    """What one copy costs."""

    amount: Annotated[str, Field(max_length=60, examples=["49.95"])]
    currency: Annotated[str, Field(min_length=3, max_length=3, examples=["USD"])]


class VendorOptionIn(_Told):
    """Of whom and on which terms it is bought: a platform, users at once."""

    code: Text | None = None
    description: Text | None = None
    vendor_code: Text | None = None


class VendorLocalDataIn(_Told):
    """A field that the library has had set up on the vendor's site."""

    description: Annotated[str, Field(min_length=1, max_length=100)]
    value: Text


class VendorOrderIn(_Told):
    """What a librarian has chosen."""

    order_key: Annotated[str, Field(min_length=1, max_length=100)]
    """The vendor's own for this order: posted again it is the same order."""
    kind: Kind
    title: Text
    contributor: list[Text] = Field(default_factory=list, max_length=50)
    isbn: list[Text] = Field(default_factory=list, max_length=20)
    publisher: Text | None = None
    year: Text | None = None
    edition: Text | None = None
    vendor_title_number: Text | None = None
    list_price: VendorPriceIn
    net_price: VendorPriceIn | None = None
    quantity: Annotated[int, Field(ge=1, le=100_000)] = 1
    fund_code: Text | None = None
    location_code: Text | None = None
    material_code: Text | None = None
    account_number: Text | None = None
    purchase_option: VendorOptionIn | None = None
    local_data: list[VendorLocalDataIn] = Field(default_factory=list, max_length=50)
    selector: Text | None = None
    """Who has chosen it."""
    note: Annotated[str, Field(min_length=1, max_length=2000)] | None = None


def digest_of(posted: Mapping[str, list[str]]) -> str:
    """By which the same is known again, however it was indented."""
    return hashlib.sha256(json.dumps(posted, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_json(content: bytes) -> Posted:
    """An order in JSON; `Invalid` with everything that is wrong."""
    try:
        told = VendorOrderIn.model_validate_json(content)
    except ValidationError as error:
        raise Invalid(
            reasons=[
                Reason(
                    str(each["type"]).replace("_", "-"),
                    each["msg"],
                    "".join(f"/{step}" for step in each["loc"]) or None,
                )
                for each in error.errors(include_url=False, include_context=False, include_input=False)
            ]
        ) from error
    posted: Posted = {}
    for name, value in told.model_dump(mode="json", exclude_none=True, exclude={"local_data"}).items():
        _flatten(name, value, posted)
    for each in told.local_data:
        posted.setdefault(f"local_data.{each.description}", []).append(each.value)
    return posted


def _flatten(path: str, value: Any, posted: Posted) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{path}.{name}", inner, posted)
    elif isinstance(value, list):
        for inner in value:
            _flatten(path, inner, posted)
    else:
        posted.setdefault(path, []).append(str(value))


def read_xml(content: bytes) -> Posted:
    """An order in XML, with MARC 21 within; `Invalid` with what is wrong."""
    try:
        root = read(content)
    except NotXml as wrong:
        raise Invalid(
            reasons=[Reason("xml-unreadable", f"It cannot be read: {wrong}.", None, "Send sound XML.")]
        ) from wrong
    order = root.child("Order") if root.name == ROOT else None
    if order is None:
        text = f"It is no {ROOT} with an Order."
        raise Invalid(reasons=[Reason("not-a-purchase-order", text, None, f"Send a {ROOT}.")])
    kinds = [(child, _kebab(child.name)) for child in order.children]
    if len(kinds) != 1 or kinds[0][1] not in KINDS:
        told = ", ".join(child.name[:40] for child, _ in kinds[:5]) or "nothing"
        mend = (
            "Send one of ListedPrintMonograph, ListedPrintSerial, ListedElectronicMonograph … in each Order."
        )
        raise Invalid(reasons=[Reason("kind-unknown", f"It orders {told}.", "/Order", mend)])
    element, kind = kinds[0]
    posted: Posted = {"kind": [kind]}
    customer = root.child("CustomerDetail")
    if customer is not None:
        _elements(customer, "CustomerDetail", posted)
    for child in element.children:
        if child.name in ("collection", "record"):
            _marc(child, posted)
        else:
            _elements(child, child.name, posted)
    return posted


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _elements(element: Element, path: str, posted: Posted) -> None:
    """Elements by their names, one within the other; local data by what it is called."""
    if not element.children:
        if element.text:
            posted.setdefault(path, []).append(element.text)
        return
    for child in element.children:
        label, value = child.child("Description"), child.child("Value")
        if child.name == "LocalData" and label is not None and value is not None:
            if value.text:
                posted.setdefault(f"{path}.LocalData.{label.text}", []).append(value.text)
        else:
            _elements(child, f"{path}.{child.name}", posted)


_MARKS: Final = " /:;,."


def _marc(element: Element, posted: Posted) -> None:
    """MARC 21: `marc.` with tag and subfield, without the punctuation that cataloguing puts at the end."""
    for child in element.children:
        tag = child.attributes.get("tag", "")
        if child.name == "record":
            _marc(child, posted)
        elif child.name == "controlfield" and child.text:
            posted.setdefault(f"marc.{tag}", []).append(child.text)
        elif child.name == "datafield":
            for subfield in child.children:
                if told := subfield.text.rstrip(_MARKS):
                    path = f"marc.{tag}.{subfield.attributes.get('code', '')}"
                    posted.setdefault(path, []).append(told)
