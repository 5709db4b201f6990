"""Orders that a vendor's site posts: made once, as the library's mapping has it, or refused with every reason."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from chassis.principal import Principal
from contracts.erm import OrderChanged
from support.acquiring import Make
from support.desk import codes
from support.harness import Harness
from support.units import buyer, put_into, unit

SITE = Principal("client", "site", frozenset({"vendor-orders:create"}))
ORDER: dict[str, Any] = {
    "order_key": "99952919209",
    "kind": "listed-print-monograph",
    "title": "Rivers of the Northern Plain",
    "contributor": ["Berg, Ada", "Holm, Bo"],
    "isbn": ["978-0-306-40615-7 (hardcover)"],
    "publisher": "Plain Press",
    "year": "2026",
    "list_price": {"amount": "49.95", "currency": "EUR"},
    "quantity": 2,
    "fund_code": "F1",
    "local_data": [{"description": "Selector", "value": "ada"}],
}
RECORD = """<collection><record><leader>00000nam a2200000 a 4500</leader>
<datafield tag="020" ind1=" " ind2=" "><subfield code="a">9780306406157 (pbk.)</subfield></datafield>
<datafield tag="100" ind1="1" ind2=" "><subfield code="a">Berg, Ada,</subfield></datafield>
<datafield tag="245" ind1="1" ind2="0"><subfield code="a">Rivers &amp; plains /</subfield></datafield>
<datafield tag="264" ind1=" " ind2="1"><subfield code="b">Plain Press,</subfield><subfield code="c">2026.</subfield>
</datafield></record></collection>"""
DETAIL = """<OrderDetail><FundCode>F1</FundCode><Location>MAIN</Location><Quantity>1</Quantity>
<YBPOrderKey>777</YBPOrderKey><ListPrice><Amount>10.50</Amount><Currency>EUR</Currency></ListPrice>
<LocalData><Description>Selector</Description><Value>ada</Value></LocalData>
<PurchaseOption><VendorPOCode>EB</VendorPOCode><Code>1U</Code></PurchaseOption></OrderDetail>"""


def purchase(kind: str = "ListedElectronicMonograph", record: str = RECORD, detail: str = DETAIL) -> str:
    """An order in XML."""
    customer = (
        "<CustomerDetail><BaseAccount>8910</BaseAccount><SubAccount>891010</SubAccount></CustomerDetail>"
    )
    return f"<PurchaseOrder>{customer}<Order><{kind}>{record}{detail}</{kind}></Order></PurchaseOrder>"


async def account(make: Make, form: str = "json", **more: Any) -> dict[str, Any]:
    """A vendor's program that may post orders."""
    body = {"organisation_id": make.vendor["id"], "client": "client:site", "name": "The site", "format": form}
    return await make.post("/v1/vendor-order-accounts", body | more)


async def post(erm: Harness, body: Any, **changed: Any) -> Any:
    """What the site posts."""
    with erm.asking(SITE):
        if isinstance(body, str):
            headers = {"content-type": "application/xml"}
            return await erm.client.post("/v1/vendor-orders", content=body.encode(), headers=headers)
        return await erm.client.post("/v1/vendor-orders", json=body | changed)


def errors(answer: Any) -> list[str]:
    """The codes of a refusal in XML."""
    assert answer.headers["content-type"].startswith("application/xml")
    return [each.findtext("Code") or "" for each in ElementTree.fromstring(answer.content).iter("Error")]


async def test_what_was_chosen_on_a_site_is_a_pending_order(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    its = await account(make)

    answer = await post(erm, ORDER)

    told = answer.json()
    assert (answer.status_code, told["order_number"], told["order_line_number"]) == (
        201,
        "PO-000001",
        "PO-000001-1",
    )
    assert (told["state"], told["repeated"]) == ("pending", False)
    order = await make.get(f"/v1/orders/{told['order_id']}")
    (line,) = order["lines"]
    assert (order["vendor_id"], order["created_by"]) == (make.vendor["id"], "client:site")
    assert (line["title"], line["author"]) == (ORDER["title"], "Berg, Ada; Holm, Bo")
    assert (line["isbn"], line["total"], line["quantity"]) == ("9780306406157", "99.90", 2)
    assert [share["fund_id"] for share in line["shares"]] == [fund["fund_id"]]
    assert (await make.sums(fund))[0] == "0.00"
    posted = (await make.get(f"/v1/vendor-orders?account_id={its['id']}&order_key=99952919209"))["items"]
    assert [(each["order_id"], each["state"]) for each in posted] == [(order["id"], "pending")]


async def test_an_order_in_xml_is_answered_in_xml(erm: Harness, make: Make) -> None:
    await make.budget()
    await account(make, "xml")

    answer = await post(erm, purchase())
    again = await post(erm, purchase().replace("\n", "\n   "))

    assert (answer.status_code, again.status_code) == (201, 200)
    number = ElementTree.fromstring(answer.content).findtext("PoLineNumber")
    assert number == ElementTree.fromstring(again.content).findtext("PoLineNumber") == "PO-000001-1"
    (order,) = (await make.get("/v1/orders"))["items"]
    (line,) = order["lines"]
    assert (line["title"], line["author"]) == ("Rivers & plains", "Berg, Ada")
    assert (line["publisher"], line["year"], line["isbn"]) == ("Plain Press", "2026", "9780306406157")
    assert (line["receipt"], order["order_type"], order["account_number"]) == ("none", "one-time", "891010")


async def test_the_same_key_is_the_same_order_and_never_another(erm: Harness, make: Make) -> None:
    await make.budget()
    await account(make)

    async with asyncio.TaskGroup() as together:
        with erm.asking(SITE):
            asked: list[Awaitable[Any]] = [
                together.create_task(erm.client.post("/v1/vendor-orders", json=ORDER)) for _ in range(4)
            ]
            answers = [await each for each in asked]
    other = await post(erm, ORDER, title="Another")

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert (other.status_code, codes(other)) == (409, ["order-key-used"])
    assert len(await erm.announced(OrderChanged)) == 1


async def test_every_reason_against_an_order_is_told_and_nothing_is_written(erm: Harness, make: Make) -> None:
    await make.budget()
    its = await account(make)
    mapping = its["mapping"]
    mapping["fields"]["location"] = {"paths": ["location_code"], "table": "places", "required": True}
    mapping["fields"]["title"]["paths"] = ["nothing"]
    mapping["tables"]["places"] = {"MAIN": str(uuid4())}
    body = {name: its[name] for name in ("organisation_id", "client", "name", "format")} | {
        "mapping": mapping
    }
    put = await erm.put(f"/v1/vendor-order-accounts/{its['id']}", json=body, headers={"If-Match": '"1"'})
    price = {"amount": "1.234", "currency": "XXY"}

    answer = await post(erm, ORDER, fund_code="NONE", location_code="LAW", list_price=price)
    unread = await post(erm, ORDER | {"kind": "scroll", "list_price": None})

    assert put.status_code == 200
    told = {(each["code"], each["pointer"]) for each in answer.json()["reasons"]}
    assert answer.status_code == 422
    assert told == {
        ("value-missing", "/title"),
        ("value-not-in-table", "/location"),
        ("value-not-taken", "/currency"),
        ("fund-unknown", "/fund"),
    }
    assert [each["pointer"] for each in unread.json()["reasons"]] == ["/kind", "/list_price"]
    assert (await make.get("/v1/orders"))["items"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<PurchaseOrder><Order>", "xml-unreadable"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><PurchaseOrder/>', "xml-unreadable"),
        ("<Order/>", "not-a-purchase-order"),
        (purchase("ListedScroll"), "kind-unknown"),
        ("<PurchaseOrder><Order/></PurchaseOrder>", "kind-unknown"),
        (purchase(detail=DETAIL.replace("10.50", "ten")), "value-not-taken"),
        (purchase(detail=DETAIL.replace("<Quantity>1<", "<Quantity>many<")), "value-not-taken"),
        (purchase(detail=DETAIL.replace("F1", "F9")), "fund-unknown"),
    ],
    ids=("torn", "entity", "other-root", "other-kind", "no-kind", "price", "quantity", "fund"),
)
async def test_what_cannot_be_taken_is_refused_as_the_vendor_reads_it(
    erm: Harness, make: Make, body: str, code: str
) -> None:
    await make.budget()
    await account(make, "xml")

    answer = await post(erm, body)

    assert (answer.status_code, errors(answer)) == (422, [code])


@pytest.mark.parametrize("name", ["title", "order_key", "fund_code"])
async def test_what_cannot_be_kept_is_refused(erm: Harness, make: Make, name: str) -> None:
    await make.budget()
    await account(make)

    answers = [
        await post(erm, ORDER, **{name: value})
        for value in ("nul \0", "\u2028" * 1001, "x" * 5000, "", " ", None, 7)
    ]

    assert {answer.status_code for answer in answers} <= {201, 200, 409, 422}
    assert answers[0].status_code == 422
    told = [answer.status_code for answer in answers if answer.status_code in (200, 201)]
    assert len((await make.get("/v1/orders"))["items"]) == told.count(201)


async def test_a_body_that_is_too_large_or_of_another_kind_is_not_read(erm: Harness, make: Make) -> None:
    await account(make)

    large = await post(erm, purchase(record=" " * 300_000))
    with erm.asking(SITE):
        kind = {"content-type": "text/csv"}
        other = await erm.client.post("/v1/vendor-orders", content=b"x", headers=kind)

    assert (large.status_code, other.status_code) == (413, 415)


async def test_an_account_may_open_its_orders_and_goes_no_further_than_the_budget(
    erm: Harness, make: Make
) -> None:
    fund = await make.budget("120.00")
    await account(make, approve=True)

    opened = await post(erm, ORDER)
    refused = await post(erm, ORDER, order_key="2", title="Another")
    after = await make.sums(fund)

    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    assert (refused.status_code, codes(refused)) == (409, ["encumbrance-limit"])
    assert "20.1" not in refused.text
    assert refused.json()["reasons"][0].get("limit") is None
    assert after[0] == "99.90"
    assert len((await make.get("/v1/orders"))["items"]) == 1
    with erm.asking(buyer("clerk", "vendor-orders:write")):
        wish = {"organisation_id": make.vendor["id"], "client": "client:x", "name": "x", "approve": True}
        allowed = await erm.post("/v1/vendor-order-accounts", json=wish)
    with erm.asking(Principal("staff", "clerk", frozenset({"vendor-orders:write"}))):
        escalated = await erm.post("/v1/vendor-order-accounts", json=wish | {"client": "client:y"})
    assert (allowed.status_code, escalated.status_code) == (201, 403)


async def test_a_program_acts_for_its_vendor_and_nobody_else_posts(erm: Harness, make: Make) -> None:
    await make.budget()
    its = await account(make)
    body = {name: its[name] for name in ("organisation_id", "client", "name", "format", "mapping")}

    with erm.asking(Principal("client", "other", frozenset({"vendor-orders:create"}))):
        stranger = await erm.client.post("/v1/vendor-orders", json=ORDER)
    with erm.asking(Principal("client", "site", frozenset({"orders:write"}))):
        scopeless = await erm.client.post("/v1/vendor-orders", json=ORDER)
    twice = await erm.post("/v1/vendor-order-accounts", json=body)
    await erm.put(
        f"/v1/vendor-order-accounts/{its['id']}", json=body | {"active": False}, headers={"If-Match": '"1"'}
    )
    closed = await post(erm, purchase())

    assert (stranger.status_code, codes(stranger)) == (403, ["vendor-order-account-missing"])
    assert (scopeless.status_code, twice.status_code) == (403, 409)
    assert (closed.status_code, errors(closed)) == (403, ["vendor-order-account-missing"])


async def test_a_dry_run_shows_each_step_and_writes_nothing(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    its = await account(make)
    path = f"/v1/vendor-order-accounts/{its['id']}/dry-runs"

    sound = (await erm.client.post(path, json=ORDER)).json()
    wrong = (await erm.client.post(path, json=ORDER | {"fund_code": "NONE"})).json()

    assert sound["reasons"] == []
    assert (sound["line"]["fund_id"], sound["line"]["quantity"]) == (fund["fund_id"], 2)
    steps = {step["field"]: step for step in sound["steps"]}
    assert (steps["receipt"]["posted"], steps["receipt"]["table"], steps["receipt"]["value"]) == (
        "listed-print-monograph",
        "receipts",
        "count",
    )
    assert (wrong["line"], [each["code"] for each in wrong["reasons"]]) == (None, ["fund-unknown"])
    assert (await make.get("/v1/orders"))["items"] == []


async def test_orders_of_a_program_belong_to_its_units_and_it_acts_as_one_of_them(
    erm: Harness, make: Make
) -> None:
    law, arts = await unit(make, "Law", "jurist"), await unit(make, "Arts", "painter")
    own, foreign = await make.budget(), await make.budget()
    await put_into(make, "/v1/funds", {"id": own["fund_id"]}, law)
    await put_into(make, "/v1/funds", {"id": foreign["fund_id"]}, arts)
    wish = {"organisation_id": make.vendor["id"], "client": "client:site", "name": "The site"}
    jurist = buyer("jurist", "vendor-orders:write", "vendor-orders:read")

    with erm.asking(jurist):
        refused = await erm.post("/v1/vendor-order-accounts", json=wish | {"acquisition_unit_ids": [arts]})
        its = await make.post("/v1/vendor-order-accounts", wish | {"acquisition_unit_ids": [law]})
    answer = await post(erm, ORDER)
    beyond = await post(erm, ORDER, order_key="2", fund_code="F2")
    with erm.asking(jurist):
        seen = await erm.get(f"/v1/orders/{answer.json()['order_id']}")
        listed = (await make.get(f"/v1/vendor-orders?account_id={its['id']}"))["items"]
    with erm.asking(buyer("painter", "vendor-orders:read", "vendor-orders:write")):
        hidden = await erm.get(f"/v1/orders/{answer.json()['order_id']}")
        none = (await make.get(f"/v1/vendor-orders?account_id={its['id']}"))["items"]
        path = f"/v1/vendor-order-accounts/{its['id']}/dry-runs"
        tried = (await erm.client.post(path, json=ORDER)).json()
    used = await erm.delete(f"/v1/acquisition-units/{law}", headers={"If-Match": '"1"'})

    assert refused.status_code == 403
    assert (answer.status_code, seen.status_code, hidden.status_code) == (201, 200, 404)
    assert seen.json()["acquisition_unit_ids"] == [law]
    assert (codes(beyond), len(listed), none) == (["fund-unknown"], 1, [])
    assert [each["code"] for each in tried["reasons"]] == ["fund-unknown"]
    assert "accounts of vendors' programs" in used.json()["reasons"][0]["text"]
