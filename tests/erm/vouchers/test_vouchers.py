"""From an approved invoice to the university's books, and back."""

from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import httpx

from chassis.ids import uuid7
from erm.vouchers.drawing import DEFAULT_GROUP, draw
from erm.vouchers.writing import NAMESPACE
from support.acquiring import NOW, Make

NAMED = {"v": NAMESPACE}


async def approved(make: Make, *amounts: str, **more: Any) -> dict[str, Any]:
    """An approved invoice over these amounts, each borne by a budget of its own."""
    lines = []
    for amount in amounts:
        budget = await make.budget()
        share = {"fund_id": budget["fund_id"], "percent": "100"}
        quantity = -1 if amount.startswith("-") else 1
        lines.append({"description": "x", "amount": amount, "quantity": quantity, "shares": [share]})
    return await make.handle(await make.invoice(*lines, **more), "approve")


async def vouchers(make: Make, query: str = "") -> list[dict[str, Any]]:
    """Oldest first."""
    return list(reversed((await make.get(f"/v1/vouchers?{query}"))["items"]))


async def export(make: Make, group: str = str(DEFAULT_GROUP)) -> dict[str, Any] | None:
    """The group's next batch, if there is any."""
    told = await make.post("/v1/voucher-batches", {"batch_group_id": group}, expect=200)
    found: dict[str, Any] | None = told["batch"]
    return found


async def content(make: Make, batch: dict[str, Any], form: str) -> httpx.Response:
    """The batch as it is read."""
    return await make.erm.get(f"/v1/voucher-batches/{batch['id']}/content?form={form}")


async def report(make: Make, *payments: dict[str, Any]) -> httpx.Response:
    """What the university has paid."""
    return await make.erm.post("/v1/voucher-payments", json={"payments": list(payments)})


def payment(number: int, amount: str, **more: Any) -> dict[str, Any]:
    """A voucher that was paid."""
    told = {"number": number, "amount": amount, "currency": "EUR", "paid_on": "2027-03-05"}
    return told | {"reference": f"P-{number}"} | more


async def test_numbers_have_no_gaps_whatever_is_refused_and_however_many_approve_at_once(make: Make) -> None:
    budget = await make.budget()
    share = {"fund_id": budget["fund_id"], "percent": "100"}
    line = {"description": "x", "amount": "10.00", "shares": [share]}
    wrong = await make.invoice(line, lock_total="11.00")
    some = [await make.invoice(line) for _ in range(4)]
    pool = make.erm.resources.pool
    async with pool.acquire() as connection:
        taken_back = connection.transaction()
        await taken_back.start()
        row = await connection.fetchrow("SELECT * FROM invoice WHERE id = $1", UUID(some[0]["id"]))
        assert row is not None
        await draw(connection, dict(row), [], currency="EUR", amount=0, now=NOW)
        await taken_back.rollback()

    answers = await make.at_once(
        *(make.try_to_handle(each, "approve") for each in [*some[:2], wrong, *some[2:]])
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 409]
    assert sorted(each["number"] for each in await vouchers(make)) == [1, 2, 3, 4]


async def test_a_batch_goes_out_once_and_reads_the_same_ever_after(make: Make) -> None:
    invoice = await approved(make, "10.00", "5.50")
    await approved(make, "-2.00")

    batch = await export(make)
    assert batch is not None
    told = [await content(make, batch, form) for form in ("json", "json", "xml", "xml")]
    body, root = told[0].json(), ElementTree.fromstring(told[2].content)

    assert (batch["number"], batch["vouchers"]) == (1, 2)
    assert told[0].content == told[1].content
    assert told[2].content == told[3].content
    assert told[2].headers["content-type"] == "application/xml"
    assert [(each["number"], each["kind"], each["amount"]) for each in body["vouchers"]] == [
        (1, "payment", "15.50"),
        (2, "credit", "-2.00"),
    ]
    assert body["totals"] == [{"currency": "EUR", "amount": "13.50"}]
    first = body["vouchers"][0]
    assert (first["vendor"]["code"], first["vendor_invoice_number"]) == (
        "BOOKS",
        invoice["vendor_invoice_number"],
    )
    assert [(line["fund"], line["amount"]) for line in first["lines"]] == [("F1", "10.00"), ("F2", "5.50")]
    in_xml = root.findall("v:vouchers/v:voucher", NAMED)
    assert [each.findtext("v:amount", None, NAMED) for each in in_xml] == ["15.50", "-2.00"]
    assert [
        (line.findtext("v:fund", None, NAMED), line.findtext("v:amount", None, NAMED))
        for line in in_xml[0].findall("v:lines/v:line", NAMED)
    ] == [("F1", "10.00"), ("F2", "5.50")]
    assert {each["state"] for each in await vouchers(make, f"batch_id={batch['id']}")} == {"exported"}
    assert await export(make) is None


async def test_each_voucher_is_in_one_batch_even_if_two_export_at_once(make: Make) -> None:
    await approved(make, "10.00")

    batches = await make.at_once(export(make), export(make))

    assert [batch["vouchers"] for batch in batches if batch] == [1]


async def test_groups_go_out_by_themselves(make: Make) -> None:
    group = await make.post("/v1/batch-groups", {"code": "law", "name": "Law library"})
    await approved(make, "10.00", batch_group_id=group["id"])
    await approved(make, "20.00")
    unknown = await make.erm.post(
        "/v1/invoices",
        json={
            "vendor_id": make.vendor["id"],
            "vendor_invoice_number": "Z",
            "invoiced_on": "2027-02-20",
            "currency": "EUR",
            "batch_group_id": str(uuid7()),
            "lines": [{"description": "x", "amount": "1.00"}],
        },
    )

    law, main = await export(make, group["id"]), await export(make)

    assert law is not None
    assert main is not None
    assert (law["number"], law["vouchers"], main["number"], main["vouchers"]) == (1, 1, 1, 1)
    assert [each["amount"] for each in await vouchers(make, f"batch_id={law['id']}")] == ["10.00"]
    assert "batch-group-unknown" in [reason["code"] for reason in unknown.json()["reasons"]]
    gone = await make.erm.post("/v1/voucher-batches", json={"batch_group_id": str(uuid7())})
    assert gone.status_code == 404


async def test_payments_that_are_reported_pay_the_invoices_all_or_none_and_once(make: Make) -> None:
    one, two = await approved(make, "10.00"), await approved(make, "20.00")
    early = await report(make, payment(1, "10.00"))
    await export(make)

    wrong = await report(
        make, payment(1, "10.00"), payment(2, "19.99"), payment(2, "20.00"), payment(9, "1.00")
    )
    before = (await make.get(f"/v1/invoices/{one['id']}"))["state"]
    right = await report(make, payment(1, "10.00"), payment(2, "20.00"))
    again = await report(make, payment(2, "20.00"))
    otherwise = await report(make, payment(2, "20.00", reference="other"))

    assert [reason["code"] for reason in early.json()["reasons"]] == ["voucher-not-exported"]
    assert (wrong.status_code, before) == (409, "approved")
    assert {(reason["code"], reason["pointer"]) for reason in wrong.json()["reasons"]} == {
        ("amount-differs", "/payments/1/amount"),
        ("voucher-named-twice", "/payments/2/number"),
        ("voucher-unknown", "/payments/3/number"),
    }
    assert right.json()["items"] == [{"number": 1, "new": True}, {"number": 2, "new": True}]
    paid = await make.get(f"/v1/invoices/{two['id']}")
    assert (paid["state"], paid["payment_reference"]) == ("paid", "P-2")
    assert again.json()["items"] == [{"number": 2, "new": False}]
    assert otherwise.json()["reasons"][0]["code"] == "paid-otherwise"
    assert [(each["state"], each["paid_on"]) for each in await vouchers(make)] == [("paid", "2027-03-05")] * 2
    assert (await make.rebuilt())["differences"] == []


async def test_what_the_books_have_heard_of_is_reversed_and_the_rest_is_never_told(make: Make) -> None:
    told, untold, by_hand = [await approved(make, amount) for amount in ("10.00", "20.00", "30.00")]
    await make.handle(untold, "cancel", reason="twice")
    await make.handle(by_hand, "pay", payment_reference="cash")

    first = await export(make)
    await make.handle(told, "cancel", reason="sent back")
    second = await export(make)

    assert first is not None
    assert second is not None
    assert [each["number"] for each in await vouchers(make, f"batch_id={first['id']}")] == [1]
    (reversal,) = (await content(make, second, "json")).json()["vouchers"]
    assert (reversal["kind"], reversal["reverses"], reversal["amount"]) == ("reversal", 1, "-10.00")
    assert [line["amount"] for line in reversal["lines"]] == ["-10.00"]
    late = await report(make, payment(1, "10.00"))
    assert [reason["code"] for reason in late.json()["reasons"]] == ["voucher-cancelled"]
    settled = await report(make, payment(4, "-10.00"))
    assert settled.json()["items"] == [{"number": 4, "new": True}]
    assert [each["state"] for each in await vouchers(make)] == ["cancelled", "cancelled", "paid", "paid"]
