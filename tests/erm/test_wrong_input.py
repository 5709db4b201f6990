"""Odd values at every door of acquisitions: told what is wrong, nothing half written, never our fault."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.acquiring import YEAR, Make
from support.harness import Harness
from support.knowing import knowing, listing
from support.trading import billed, message, trading
from support.trading import invoice as bill

ODD: tuple[Any, ...] = (
    None,
    "",
    "x" * 5000,
    "\ud800",
    "nul \0",
    -1,
    0,
    2**63,
    10**400,
    1.5,
    True,
    [],
    {},
    [[]],
    "9999-12-31",
    "0001-01-01",
    "1e999",
    "NaN",
    "-0.00",
    "999999999999999999999999999999",
    "0.00000000000000000001",
    "01a0f7a2-5b1c-4d3e-8f00-00000000dead",
)
"""One after the other in the place of each value of a sound body."""


def places(told: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a body holds values, lists and objects among them."""
    if path:
        yield path
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in inner:
        yield from places(value, (*path, name))


def changed(told: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy with one value set."""
    copy = json.loads(json.dumps(told))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return copy


async def bodies(make: Make) -> dict[str, dict[str, Any]]:
    """A sound body for each door, by method and path."""
    fund = await make.budget()
    later = await make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31")
    years = {"from_year_id": make.year["id"], "to_year_id": later["id"]}
    rollover = await make.post("/v1/rollovers", {"ledger_id": make.ledger["id"], **years})
    order = await make.approved(make.line(fund, "10.00", quantity=50))
    (line,) = order["lines"]
    override = {"limits": ["encumbrance-limit"], "comment": "x"}
    shares = [
        {"fund_id": fund["fund_id"], "percent": "50", "expense_class_id": None, "fiscal_year_id": None},
        {"fund_id": fund["fund_id"]},
    ]
    shares[1]["amount"] = "5.00"
    told = make.line(fund, "10.00", tax_percent="0", discount_percent="0.5", additional="0", shares=shares)
    del told["tax_percent"]
    invoice = {
        "vendor_id": make.vendor["id"],
        "vendor_invoice_number": "W1",
        "invoiced_on": "2027-02-20",
        "currency": "EUR",
        "exchange_rate": "1.5",
        "lock_total": "1.00",
        "adjustments": [{"kind": "tax", "description": "x", "percent": "7", "prorate": "by-line"}],
        "lines": [make.charge(line, "1.00", shares=shares[:1])],
    }
    trade = await trading(make)
    held, other = await trade.take(bill("W", billed(1, "x", "1.00")), bill("X", billed(1, "x", "1.00")))
    waiting = await make.approved(make.line(fund, "10.00"))
    made = await trade.pick_up()
    (advice,) = await trade.take(
        message("DESADV", "BGM+351+W", f"LIN+1'QTY+12:9'RFF+LI:{waiting['number']}-1"), reference="78"
    )
    assert made is not None
    return await known(make.erm) | {
        "POST /v1/edifact-accounts": {
            "organisation_id": make.vendor["id"],
            "account_number": "x",
            "vendor_code": "W1",
            "vendor_qualifier": "ZZ",
            "library_code": "W2",
            "character_set": "UNOA",
            "send_orders": False,
            "branches": [{"code": "x", "location_id": fund["id"]}],
            "default_location_id": None,
            "default_fund_id": fund["fund_id"],
            "refusal_codes": ["x"],
        },
        f"POST /v1/edifact-messages/{held['id']}/actions": {
            "action": "apply",
            "accept": ["order-closed"],
            "lines": [{"line": "1", "order_line_id": line["id"], "shares": shares[:1]}],
            "fiscal_year_id": make.year["id"],
        },
        f"POST /v1/edifact-messages/{other['id']}/actions": {"action": "discard"},
        f"POST /v1/edifact-interchanges/{made['id']}/actions": {"action": "failed", "reason": "x"},
        f"POST /v1/despatch-advices/{advice['despatch_id']}/receipts": {
            "parcel": None,
            "lines": [{"position": 0, "quantity": 1, "barcodes": ["x"]}],
            "over": False,
            "note": "x",
        },
        "POST /v1/organisations": {
            "code": "W",
            "name": "W",
            "roles": ["vendor"],
            "accounts": [{"number": "1", "name": "x"}],
            "identifiers": [{"kind": "san", "value": "1"}],
            "claim_after_days": 30,
            "claim_interval_days": 14,
            "claims_at_most": 3,
        },
        "POST /v1/fiscal-years": YEAR | {"code": "W", "series": "W"},
        "POST /v1/ledgers": {"code": "W", "name": "W", "currency": "EUR"},
        "POST /v1/funds": {"ledger_id": make.ledger["id"], "code": "W", "name": "W", "account_number": "1"}
        | {"location_ids": [fund["id"]]},
        "POST /v1/budgets": {
            "fund_id": fund["fund_id"],
            "fiscal_year_id": make.year["id"],
            "allocated": "1",
            "encumbrance_percent": "100",
            "expense_classes": ["x"],
        },
        f"POST /v1/budgets/{fund['id']}/allocations": {"amount": "1.00", "note": "x", "override": override},
        f"PUT /v1/fiscal-years/{make.year['id']}": {
            "name": "W",
            "order_grace_days": 3,
            "invoice_grace_days": -3,
        },
        "POST /v1/rollovers": {
            "ledger_id": make.ledger["id"],
            "from_year_id": make.year["id"],
            "to_year_id": later["id"],
            "orders": [{"order_type": "ongoing", "based_on": "initial", "increase_percent": "3"}],
            "budgets": [
                {"fund_ids": [fund["fund_id"]], "allocate_percent": "1", "encumbrance_percent": None}
            ],
        },
        f"POST /v1/rollovers/{rollover['id']}/actions": {"action": "retry"},
        "POST /v1/fund-transfers": {"from_budget_id": fund["id"], "to_budget_id": fund["id"], "amount": "1"},
        "POST /v1/ledgers:rebuild": {"fiscal_year_id": make.year["id"], "repair": False},
        "POST /v1/orders": {"vendor_id": make.vendor["id"], "currency": "EUR", "order_type": "ongoing"}
        | {"lines": [told]},
        f"POST /v1/orders/{order['id']}/actions": {
            "action": "approve",
            "reason": "x",
            "fiscal_year_id": None,
        },
        f"PUT /v1/order-lines/{line['id']}": make.line(fund, "10.00", quantity=50),
        f"POST /v1/order-lines/{line['id']}/claims": {"via": "mail", "note": "x"},
        f"POST /v1/claims/{line['id']}/actions": {"action": "put-off", "until": "2027-05-01", "note": "x"},
        f"POST /v1/order-lines/{line['id']}/receipts": {"quantity": 1, "barcodes": ["x"], "note": "x"},
        "POST /v1/invoices": invoice,
        "POST /v1/acquisition-units": {"name": "W", "description": "x", "protect_read": False},
        f"PUT /v1/orders/{order['id']}/acquisition-units": {"acquisition_unit_ids": [fund["id"]]},
        "POST /v1/vendor-order-accounts": {
            "organisation_id": make.vendor["id"],
            "client": "client:w",
            "name": "W",
            "format": "json",
            "approve": False,
            "acquisition_unit_ids": [],
        },
        "PUT /v1/configuration/erm": {
            "order_prefix": "P",
            "order_suffix": "S",
            "order_digits": 4,
            "approval_limits": {"EUR": "1"},
            "four_eyes": False,
        },
    }


async def known(erm: Harness) -> dict[str, dict[str, Any]]:
    """A sound body for each door of the knowledge base."""
    kb = await knowing(erm)
    package = await kb.package()
    title, other = await kb.title("W", "issn:2049-3630"), await kb.title("X")
    coverage = {
        "starts": "1990",
        "start_volume": "1",
        "ends": "2000-12",
        "end_issue": "2",
        "embargo": "R10Y;P30D",
        "note": "x",
    }
    access = {"url": "https://p.example/w", "access_start_on": "2020-01-01", "access_end_on": "2021-01-01"}
    item = {"platform_id": kb.platform["id"], **access, "coverage": [coverage], "note": "x"}
    held = await kb.item(package, title, **item)
    told = {"name": "Y", "kind": "serial", "publisher": "x", "edition": "2", "preceded_by": other["id"]}
    return {
        "POST /v1/platforms": {
            "code": "W",
            "name": "W",
            "domains": ["w.example"],
            "link_templates": ["https://w.example/{doi}"],
            "proxy_prefix": "https://proxy.example/?url=",
            "provider_id": None,
        },
        "POST /v1/packages": {
            "source": "w",
            "reference": "W",
            "name": "W",
            "platform_id": kb.platform["id"],
            "content_types": ["journals"],
            "removal_percent": 5,
            "region": "Global",
        },
        f"POST /v1/packages/{package['id']}/items": {"title_id": other["id"], **item},
        f"PUT /v1/package-items/{held['id']}": {**access, "coverage": [coverage], "note": "x"},
        "POST /v1/title-instances": told
        | {"identifiers": [{"namespace": "doi", "value": "10.1000/w"}], "sibling_of": other["id"]},
        f"PUT /v1/title-instances/{other['id']}": {"name": "Z", "kind": "serial"},
        f"POST /v1/title-instances/{other['id']}/merges": {"title_ids": [title["id"]]},
        f"POST /v1/title-instances/{title['id']}/splits": {
            "name": "V",
            "identifier_ids": [title["identifiers"][0]["id"]],
            "platform_ids": [kb.platform["id"]],
        },
    }


async def licensed(make: Make) -> dict[str, dict[str, Any]]:
    """A sound body for each door of agreements and licences."""
    fund = await make.budget()
    (line,) = (await make.order(make.line(fund)))["lines"]
    licence = {
        "name": "x",
        "licensor_id": make.vendor["id"],
        "starts_on": "2027-01-01",
        "open_ended": True,
        "documents": [{"name": "x", "url": "https://x.example/"}],
        "terms": [{"term": "concurrent-users", "value": 5}, {"term": "open-access", "value": ["deposit"]}],
        "amendments": [
            {"name": "x", "ends_on": "2027-12-31", "terms": [{"term": "ill-print", "use": "silent"}]}
        ],
    }
    entered = await make.post("/v1/licences", licence)
    agreement = {
        "name": "x",
        "review_on": "2027-12-01",
        "periods": [{"starts_on": "2027-01-01", "ends_on": "2027-12-31", "cancel_by": "2027-09-30"}],
        "organisations": [{"organisation_id": make.vendor["id"], "role": "x"}],
        "licences": [{"licence_id": entered["id"], "note": "x"}],
    }
    agreed = await make.post("/v1/agreements", agreement)
    used = {"resource": "external", "authority": "x", "reference": "x", "order_line_ids": [line["id"]]}
    used["active_from"] = "2027-01-01"
    added = await make.post(f"/v1/agreements/{agreed['id']}/lines", used)
    term = {"name": "x", "kind": "choice", "choices": ["x"], "weight": 1}
    return {
        "POST /v1/licences": licence,
        f"PUT /v1/licences/{entered['id']}": licence,
        "POST /v1/licence-terms": term | {"code": "x"},
        "PUT /v1/licence-terms/ill-print": term | {"kind": "text", "choices": [], "standard": "x"},
        "POST /v1/agreements": agreement,
        f"PUT /v1/agreements/{agreed['id']}": agreement,
        f"POST /v1/agreements/{agreed['id']}/lines": used,
        f"PUT /v1/agreement-lines/{added['id']}": used,
        "PUT /v1/configuration/erm": {
            "resolver": {"request_form": "https://x.example/?{openurl}", "free_first": True}
        },
    }


async def test_no_odd_value_is_our_fault(erm: Harness, make: Make) -> None:
    asked = 0
    for door, body in (await bodies(make) | await licensed(make)).items():
        method, path = door.split()
        for place in places(body):
            for number, value in enumerate(ODD):
                if (asked + number) % 3:  # each value meets many places, each place many values
                    continue
                content = json.dumps(changed(body, place, value)).encode()
                headers = {
                    "Content-Type": "application/json",
                    "If-Match": '"1"',
                    "Idempotency-Key": str(asked),
                }
                answer = await erm.client.request(method, path, content=content, headers=headers)
                assert answer.status_code < 500, (door, place, value, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
            asked += 1

    assert (await make.rebuilt())["differences"] == []


LISTS = (
    "organisations",
    "fiscal-years",
    "ledgers",
    "funds",
    "expense-classes",
    "budgets",
    "rollovers",
    "orders",
    "claims",
    "invoices",
    "platforms",
    "packages",
    "title-instances",
    "title-reviews",
    "licences",
    "agreements",
    "agreement-lines",
)


async def test_no_odd_page_of_a_list_and_no_odd_file_is_our_fault(erm: Harness) -> None:
    kb = await knowing(erm)
    package = await kb.package()
    load = await kb.load(package, listing({"publication_title": "W", "title_id": "w"}))
    paths = [
        f"/v1/packages/{package['id']}/items",
        f"/v1/packages/{package['id']}/loads",
        f"/v1/package-loads/{load['id']}/rows",
        f"/v1/package-loads/{load['id']}/removals",
    ]
    for path in paths:
        for query in ("cursor=x", "cursor=WyJ4Il0", "cursor=WyJcdWQ4MDAiLDFd", "limit=0", "cursor=%00"):
            answer = await erm.get(f"{path}?{query}")
            assert answer.status_code in (400, 422), (path, query, answer.text)
    for odd in (b"\0" * 10, b"\xff\xfe\0", b"\xef\xbb\xbf", b"\n\n", b"\t" * 600, b"\r", b"\xd8\0\xd8\0"):
        assert (await kb.send(package, odd)).status_code == 422, odd
    body = listing("\t".join(["\u2028\U0010ffff" * 20] * 25), "\t".join(["9" * 300] * 25), "'\";--\t" * 25)
    told = await kb.load(package, body)
    assert (told["rows"]["rejected"], told["state"]) == (3, "waiting")
    assert (await erm.get("/v1/title-instances?identifier=issn")).status_code == 422
    assert (await erm.get("/v1/title-instances?name=%F0%9F%98%80")).status_code == 200


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyJ4Il0", "limit=0", "limit=x", "cursor=%00"])
@pytest.mark.parametrize("path", LISTS)
async def test_no_odd_page_is_our_fault(erm: Harness, path: str, query: str) -> None:
    answer = await erm.get(f"/v1/{path}?{query}")

    assert answer.status_code in (400, 422), answer.text
