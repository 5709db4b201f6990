"""Rates are read from sources on this machine, and taken by orders and invoices, through the front door."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from chassis.principal import Principal
from erm.app import SERVICE
from support.acquiring import NOW, Make, furnished
from support.desk import codes, pointers
from support.harness import Harness, migrated, running
from support.providing import Provider

ECB = (
    b'<Envelope xmlns="http://www.gesmes.org/xml/2002-08-01" xmlns:e="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
    b'<e:Cube><e:Cube time="2027-02-26"><e:Cube currency="USD" rate="1.25"/>'
    b'<e:Cube currency="CHF" rate="0.95"/></e:Cube>'
    b'<e:Cube time="2027-02-19"><e:Cube currency="USD" rate="1.28"/></e:Cube></e:Cube></Envelope>'
)
CHF = b'{"base":"CHF","date":"2027-02-28","rates":{"USD":1.5,"EUR":1.1}}'


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service, which may ask on this machine."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    settings = {"sealing_key": "a key of the tests' own", "list_networks": "127.0.0.0/8"}
    async with running(SERVICE, dsn, settings=settings) as harness:
        yield harness


@pytest.fixture
async def make(erm: Harness) -> Make:
    """A library with an open year, a ledger in euros and a vendor."""
    return await furnished(erm)


@pytest.fixture
async def bank() -> AsyncIterator[Provider]:
    """A source of rates on this machine."""
    told, app = Provider(lists={"/ecb": ECB, "/chf": CHF}), web.Application()
    app.router.add_route("*", "/{tail:.*}", told.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.port = runner.addresses[0][1]
    yield told
    await runner.cleanup()


async def source(make: Make, bank: Provider, path: str = "/ecb", **more: Any) -> dict[str, Any]:
    """A source that has been read once."""
    code = path.strip("/").upper()
    body = {"code": code, "name": "A bank", "format": "ecb-xml", "url": bank.url(path)} | more
    told = await make.post("/v1/exchange-rate-sources", body)
    await make.erm.tick("read-exchange-rates")
    return await make.get(f"/v1/exchange-rate-sources/{told['id']}")


async def test_a_source_is_read_and_tells_the_rate_of_a_day_and_how_it_came_about(
    erm: Harness, make: Make, bank: Provider
) -> None:
    read = await source(make, bank)
    await source(make, bank, "/chf", format="json")

    newest = await make.get("/v1/exchange-rates?source=USD&target=EUR")
    before = await make.get("/v1/exchange-rates?source=USD&target=EUR&on=2027-02-25")
    across = await make.get("/v1/exchange-rates?source=USD&target=CHF&on=2027-02-27")
    never = await erm.get("/v1/exchange-rates?source=USD&target=EUR&on=2027-02-18")
    nothing = await erm.get("/v1/exchange-rates?source=USD&target=JPY")

    assert (read["outcome"], read["failures"], read["last_rated_on"]) == ("taken", 0, "2027-02-26")
    assert read["next_at"] == (NOW + timedelta(hours=6)).isoformat().replace("+00:00", "Z")
    assert (newest["rate"], newest["source_code"], newest["age_days"]) == ("0.7333333333", "CHF", 1)
    assert (before["rate"], before["rated_on"], before["too_old"]) == ("0.7812500000", "2027-02-19", False)
    assert (across["rate"], across["note"]) == (
        "0.7600000000",
        "ECB of 2027-02-26, 1 day old on 2027-02-27: 1 EUR = 1.25 USD and 1 EUR = 0.95 CHF.",
    )
    assert [each.json()["code"] for each in (never, nothing)] == ["exchange-rate-unknown"] * 2


async def test_an_invoice_takes_the_rate_of_its_day_and_keeps_it(make: Make, bank: Provider) -> None:
    read = await source(make, bank)
    fund = await make.budget()
    told = {"currency": "USD", "invoiced_on": "2027-02-22"}
    shares = [{"fund_id": fund["fund_id"], "percent": "100"}]
    line = {"description": "x", "amount": "10.00", "quantity": 1, "shares": shares}
    invoice = await make.invoice(line, **told)
    by_hand = await make.invoice(line, **told, exchange_rate="0.5")

    approved = await make.handle(invoice, "approve")
    hand = await make.handle(by_hand, "approve")
    bank.lists["/ecb"] = ECB.replace(b"1.28", b"2.00")
    make.erm.at(NOW + timedelta(hours=7))
    await make.erm.tick("read-exchange-rates")

    again = await make.get(f"/v1/invoices/{invoice['id']}")
    voucher = (await make.get(f"/v1/vouchers?invoice_id={invoice['id']}"))["items"][0]
    assert (invoice["exchange_rate"], invoice["rate_source_id"]) == (None, None)
    assert (approved["exchange_rate"], approved["ledger_total"]) == ("0.7812500000", "7.81")
    assert (approved["rate_source_id"], approved["rated_on"]) == (read["id"], "2027-02-19")
    assert approved["rate_note"] == "ECB of 2027-02-19, 3 days old on 2027-02-22: 1 EUR = 1.28 USD."
    assert (again["exchange_rate"], again["rate_at"]) == (approved["exchange_rate"], "2027-03-01T09:00:00Z")
    assert voucher["document"]["exchange_rate"] == "0.7812500000"
    assert (hand["ledger_total"], hand["rate_source_id"], hand["rate_note"]) == ("5.00", None, None)
    changed = await make.get("/v1/exchange-rates?source=USD&target=EUR&on=2027-02-19")
    assert changed["rate"] == "0.5000000000"


async def test_an_order_takes_the_rate_of_the_day_of_its_approval(make: Make, bank: Provider) -> None:
    await source(make, bank)
    fund = await make.budget()
    order = await make.order(make.line(fund, "10.00"), currency="USD")

    approved = await make.act(order, "approve")
    first = (await make.sums(fund))[0]
    pending = await make.act(order, "unopen")
    bank.lists["/ecb"] = ECB.replace(b"2027-02-26", b"2027-03-02").replace(b"1.25", b"1.6")
    make.erm.at(NOW + timedelta(days=1))
    await make.erm.tick("read-exchange-rates")
    again = await make.act(order, "approve")

    assert (approved["exchange_rate"], approved["rated_on"], first) == ("0.8000000000", "2027-02-26", "8.00")
    assert (pending["exchange_rate"], pending["rate_source_id"]) == (None, None)
    assert (again["exchange_rate"], (await make.sums(fund))[0]) == ("0.6250000000", "6.25")


async def test_a_source_that_is_away_leaves_its_last_rate_until_that_is_too_old(
    make: Make, bank: Provider
) -> None:
    read = await source(make, bank)
    fund = await make.budget()
    del bank.lists["/ecb"]
    orders = [await make.order(make.line(fund, "10.00"), currency="USD") for _ in range(3)]

    make.erm.at(datetime(2027, 3, 5, 23, tzinfo=UTC))
    await make.erm.tick("read-exchange-rates")
    last_good = await make.act(orders[0], "approve")
    make.erm.at(datetime(2027, 3, 6, 1, tzinfo=UTC))
    refused = await make.try_to(orders[1], "approve")
    await make.erm.put("/v1/configuration/erm", json={"exchange_rate_days": 8})
    longer = await make.try_to(orders[1], "approve")
    tag = (await make.erm.get(f"/v1/orders/{orders[2]['id']}")).headers["etag"]
    body = {
        "vendor_id": make.vendor["id"],
        "currency": "USD",
        "exchange_rate": "0.9",
        "lines": [make.line(fund, "10.00")],
    }
    await make.erm.put(f"/v1/orders/{orders[2]['id']}", json=body, headers={"If-Match": tag})
    by_hand = await make.act(orders[2], "approve")

    now = await make.get(f"/v1/exchange-rate-sources/{read['id']}")
    assert (now["outcome"], now["error"], now["failures"]) == ("failed", "HTTP 404", 1)
    assert "7 days old on 2027-03-05" in last_good["rate_note"]
    assert (codes(refused), pointers(refused)) == (["exchange-rate-too-old"], ["/exchange_rate"])
    assert "ECB's of 2027-02-26; at most 7 days" in refused.json()["reasons"][0]["text"]
    assert longer.status_code == 200
    assert (by_hand["exchange_rate"], by_hand["rate_source_id"]) == ("0.9000000000", None)


async def test_without_any_rate_one_is_asked_for_by_hand(make: Make, bank: Provider) -> None:
    read = await source(make, bank)
    fund = await make.budget()
    yen = await make.try_to(await make.order(make.line(fund, "10"), currency="JPY"), "approve")
    body = {"code": "ECB", "name": "A bank", "format": "ecb-xml", "url": bank.url("/ecb"), "active": False}
    await make.erm.put(
        f"/v1/exchange-rate-sources/{read['id']}", json=body, headers={"If-Match": f'"{read["version"]}"'}
    )
    dollars = await make.try_to(await make.order(make.line(fund, "10"), currency="USD"), "approve")

    assert (codes(yen), codes(dollars)) == (["exchange-rate-missing"], ["exchange-rate-missing"])
    assert (await make.sums(fund))[0] == "0.00"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>maintenance</html>", "not read: there is no day in it"),
        (lambda _: web.Response(status=401), "HTTP 401"),
        (lambda _: web.Response(body=b"x" * (2 * 1024 * 1024 + 1)), "more than 2097152 bytes"),
        (lambda _: web.Response(status=302, headers={"Location": "http://10.0.0.1/"}), "not asked: "),
    ],
    ids=["no rates", "refused", "too much", "elsewhere"],
)
async def test_what_a_source_says_otherwise_is_told_and_changes_nothing(
    make: Make, bank: Provider, answer: Any, error: str
) -> None:
    read = await source(make, bank)
    bank.lists["/ecb"] = answer
    make.erm.at(NOW + timedelta(hours=7))

    await make.erm.tick("read-exchange-rates")

    now = await make.get(f"/v1/exchange-rate-sources/{read['id']}")
    assert error in now["error"]
    assert (now["next_at"] is None) is (error == "HTTP 401")
    assert (await make.get("/v1/exchange-rates?source=USD&target=EUR"))["rate"] == "0.8000000000"


async def test_a_key_is_sealed_and_goes_to_its_source_alone(erm: Harness, make: Make, bank: Provider) -> None:
    read = await source(make, bank, key_name="app_id", key="s3cret-key")
    path = f"/v1/exchange-rate-sources/{read['id']}"
    body = {
        "code": "ECB",
        "name": "A bank",
        "format": "ecb-xml",
        "url": bank.url("/ecb"),
        "key_name": "app_id",
    }
    tag = {"If-Match": f'"{read["version"]}"'}

    elsewhere = await erm.put(path, json=body | {"url": bank.url("/chf")}, headers=tag)
    kept = await erm.put(path, json=body | {"every_hours": 1}, headers=tag)
    stale = await erm.put(path, json=body, headers=tag)
    private = await erm.post(
        "/v1/exchange-rate-sources", json=body | {"code": "X", "url": "http://10.0.0.1/"}
    )
    with erm.asking(Principal("staff", "reader", frozenset({"finance:read"}))):
        forbidden = await erm.post("/v1/exchange-rate-sources", json=body | {"code": "Y"})

    sealed = await erm.resources.pool.fetchval("SELECT sealed FROM rate_source")
    assert bank.asked[0][0] == "/ecb?app_id=s3cret-key"
    assert b"s3cret" not in bytes(sealed)
    assert "key" not in kept.json()
    assert (codes(elsewhere), kept.json()["has_key"], stale.status_code) == (["key-needed"], True, 412)
    assert (private.status_code, forbidden.status_code) == (422, 403)
