"""Messages of NCIP are read as they come and written as the schema wants them."""

from functools import cache
from typing import Any

import pytest
from lxml import etree

from chassis import markup
from contracts import ncip
from contracts.ncip import grammar
from support.shared_data import shared_data

HEAD = {"InitiationHeader": ncip.header("ILL", "MAIN")}
BACK = {"ResponseHeader": ncip.header("MAIN", "ILL")}
USER = ncip.identifier("User", "20000001", agency="MAIN", kind="Barcode Id")
ITEM = ncip.identifier("Item", "30000003", agency="MAIN", kind="Barcode")
ASKED = ncip.identifier("Request", "ILL-1", agency="ILL")
DUE = "2026-12-14T22:59:00+00:00"
XSD = "{http://www.w3.org/2001/XMLSchema}"


@cache
def the_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared_data("ncip", "ncip_v2_02.xsd")))


def samples() -> list[str]:
    """By name; where the collection is absent, the test that gets this one skips itself."""
    try:
        return sorted(file.name for file in shared_data("ncip", "samples").glob("*.xml"))
    except pytest.skip.Exception:
        return ["LookupUser.xml"]


def wrapped(inside: str, version: str = ncip.VERSION) -> bytes:
    return (f'<n:NCIPMessage xmlns:n="{ncip.SPACE}" n:version="{version}">{inside}</n:NCIPMessage>').encode()


def read(body: bytes) -> ncip.Read:
    return ncip.read(markup.read(body))


@pytest.mark.parametrize("name", samples())
def test_a_message_that_is_read_and_written_says_the_same_and_is_valid(name: str) -> None:
    told = read(shared_data("ncip", "samples", name).read_bytes())

    written = ncip.write(told.kind, told.body)

    assert told.flaws == ()
    the_schema().assertValid(etree.fromstring(written))
    assert read(written) == told


def test_children_stand_in_the_order_of_the_schema() -> None:
    root = etree.parse(shared_data("ncip", "ncip_v2_02.xsd")).getroot()
    elements = {each.get("name"): each for each in root.findall(f"{XSD}element")}
    for name, parts in grammar.GROUPS.items():
        told = [each.get("ref") for each in elements[name].iter(f"{XSD}element")]
        last = {each: at for at, each in enumerate(told)}  # an alternative may stand twice
        places = [last[part.name] for part in parts]
        assert places == sorted(places), name


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "LookupUser",
            HEAD | {"UserId": USER, "UserElementType": ["Block Or Trap"], "LoanedItemsDesired": True},
        ),
        ("LookupItem", HEAD | {"ItemId": ITEM, "CurrentBorrowerDesired": True}),
        (
            "AcceptItem",
            HEAD
            | {"RequestId": ASKED, "RequestedActionType": "Hold For Pickup", "UserId": USER, "ItemId": ITEM}
            | {"DateForReturn": DUE, "ItemOptionalFields": {"BibliographicDescription": {"Title": "A & <B>"}}}
            | {"PickupLocation": "MAIN-DESK"},
        ),
        ("RecallItem", HEAD | {"ItemId": ITEM, "DesiredDateDue": DUE}),
        ("RecallItemResponse", BACK | {"ItemId": ITEM, "DateDue": DUE}),
        ("RenewItem", HEAD | {"UserId": USER, "ItemId": ITEM, "DesiredDateDue": DUE}),
        (
            "RequestItemResponse",
            BACK
            | {"RequestId": ASKED, "ItemId": ITEM, "UserId": USER, "RequestType": "Hold"}
            | {"RequestScopeType": "Item", "ItemOptionalFields": {"ItemDescription": {"CallNumber": "QA 1"}}},
        ),
        (
            "CheckOutItemResponse",
            BACK | {"Problem": [ncip.problem(ncip.Problem("User Blocked", "fees", "UserId", "1"))]},
        ),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)
def test_what_we_say_is_valid(kind: str, body: dict[str, Any]) -> None:
    written = ncip.write(kind, body)

    the_schema().assertValid(etree.fromstring(written))
    assert read(written) == ncip.Read(kind, body)


@pytest.mark.parametrize(
    ("inside", "element"),
    [
        ("<n:LookupUser/>", "UserId"),
        ("<n:CheckInItem><n:ItemId/></n:CheckInItem>", "ItemIdentifierValue"),
        (
            "<n:LookupItem><n:RequestId><n:RequestIdentifierValue>1</n:RequestIdentifierValue>"
            "<n:RequestIdentifierValue>2</n:RequestIdentifierValue></n:RequestId></n:LookupItem>",
            "RequestIdentifierValue",
        ),
        (
            "<n:RecallItem><n:ItemId><n:ItemIdentifierValue>1</n:ItemIdentifierValue></n:ItemId>"
            "<n:DesiredDateDue>tomorrow</n:DesiredDateDue></n:RecallItem>",
            "DesiredDateDue",
        ),
    ],
)
def test_what_is_missing_or_wrong_in_a_message_is_named(inside: str, element: str) -> None:
    told = read(wrapped(inside))

    assert element in [flaw.element for flaw in told.flaws]
    assert {flaw.type for flaw in told.flaws} == {"Invalid Message Syntax Error"}


def test_what_is_not_spoken_is_passed_over_or_has_its_name_and_no_more() -> None:
    notice = read(wrapped("<n:SendUserNotice><n:UserId/></n:SendUserNotice>"))
    item = "<n:ItemId><n:ItemIdentifierValue>1</n:ItemIdentifierValue></n:ItemId>"
    extended = read(
        wrapped(f"<n:CheckInItem>{item}<n:Ext><odd/></n:Ext><other xmlns='u:x'/></n:CheckInItem>")
    )

    assert notice == ncip.Read("SendUserNotice", {})
    assert extended == ncip.Read("CheckInItem", {"ItemId": {"ItemIdentifierValue": "1"}})


@pytest.mark.parametrize(
    "body",
    [
        b"<NCIPMessage/>",
        wrapped("<n:LookupUser/>", "http://www.niso.org/ncip/v1_0/imp1/dtd/ncip_v1_0.dtd"),
        wrapped(""),
        wrapped("<n:LookupUser/><n:LookupItem/>"),
        b"<html/>",
    ],
)
def test_what_is_no_message_is_none(body: bytes) -> None:
    with pytest.raises(ncip.NotNcip):
        read(body)


def test_versions_before_this_one_and_moments_without_a_zone_are_understood() -> None:
    inside = (
        "<n:RecallItem><n:ItemId><n:ItemIdentifierValue>1</n:ItemIdentifierValue></n:ItemId>"
        "<n:DesiredDateDue>2026-12-14T22:59:00</n:DesiredDateDue></n:RecallItem>"
    )
    told = read(wrapped(inside, "http://www.niso.org/schemas/ncip/v2_0/imp1/xsd/ncip_v2_0.xsd"))

    assert told.body["DesiredDateDue"] == DUE
    assert told.flaws == ()
