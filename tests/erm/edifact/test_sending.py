"""Orders to vendors: queued when they open, sent once, numbered without gaps, read by another reader."""

import asyncio
from typing import Any

import pytest
from pydifact.segmentcollection import Interchange as Peer

from erm.edifact.envelope import read_file
from support.acquiring import Make
from support.desk import codes
from support.harness import Harness
from support.trading import LIBRARY, VENDOR, message, trading

BRANCH = "01a0f7a2-5b1c-4d3e-8f00-00000000aaaa"


def told_by_peer(content: bytes) -> list[tuple[str, list[Any]]]:
    """The segments of the only message, as the other reader has them."""
    (told,) = Peer.from_str(content.decode("latin-1")).get_messages()
    return [(segment.tag, list(segment.elements)) for segment in told.segments]


@pytest.mark.filterwarnings("ignore:segments.xml not found")
async def test_an_order_goes_out_as_the_trade_has_it(make: Make) -> None:
    trade = await trading(make, branches=[{"code": "MAIN", "location_id": BRANCH}])
    fund = await make.budget()
    order = await make.approved(
        make.line(
            fund, "40.00", quantity=2, isbn="0-306-40615-2", title="Flüsse + Seen: eine Einführung für alle Leute",
            author="Okafor, N.", receipt="items", location_id=BRANCH, call_number="551.48", note="Rush? It's needed",
        ),
        make.line(fund, "18.50", title="No number", year="2019", publisher="Acme"),
        account_number="A-7",
    )  # fmt: skip

    made = await trade.pick_up()

    assert made is not None
    content = await trade.content(made)
    number = order["number"]
    assert told_by_peer(content) == [
        ("BGM", ["220", number, "9"]),
        ("DTM", [["137", "20270301", "102"]]),
        ("NAD", ["BY", [LIBRARY, "", "9"]]),
        ("RFF", [["ADE", "A-7"]]),
        ("NAD", ["SU", [VENDOR, "", "9"]]),
        ("CUX", [["2", "EUR", "9"]]),
        ("LIN", ["1", "", ["9780306406157", "EN"]]),
        ("IMD", ["L", "009", ["", "", "", "Okafor, N."]]),
        ("IMD", ["L", "050", ["", "", "", "Flüsse + Seen: eine Einführung für", "alle Leute"]]),
        ("QTY", [["21", "2"]]),
        ("GIR", ["001", ["MAIN", "LLO"], ["F1", "LFN"], ["551.48", "LCL"]]),
        ("GIR", ["002", ["MAIN", "LLO"], ["F1", "LFN"], ["551.48", "LCL"]]),
        ("FTX", ["LIN", "", "", "Rush? It's needed"]),
        ("PRI", [["AAE", "40.00"]]),
        ("RFF", [["LI", f"{number}-1"]]),
        ("LIN", ["2"]),
        ("IMD", ["L", "050", ["", "", "", "No number"]]),
        ("IMD", ["L", "120", ["", "", "", "Acme"]]),
        ("IMD", ["L", "170", ["", "", "", "2019"]]),
        ("QTY", [["21", "1"]]),
        ("GIR", ["001", ["F1", "LFN"]]),
        ("PRI", [["AAE", "18.50"]]),
        ("RFF", [["LI", f"{number}-2"]]),
        ("UNS", ["S"]),
        ("CNT", [["2", "2"]]),
    ]
    (ours,) = read_file(content)
    assert (ours.reference, ours.sender, ours.recipient, ours.findings, ours.messages[0].flaws) == (
        "000001",
        LIBRARY,
        VENDOR,
        [],
        (),
    )


async def test_orders_are_sent_once_and_numbered_without_gaps_however_many_pick_up(
    erm: Harness, make: Make
) -> None:
    trade = await trading(make)
    fund = await make.budget()
    first, second = [await make.approved(make.line(fund)) for _ in range(2)]

    made = await asyncio.gather(*(trade.pick_up() for _ in range(3)))
    third = await make.approved(make.line(fund))
    later = await trade.pick_up()

    (one,) = [each for each in made if each]
    assert later is not None
    assert (one["reference"], one["messages"], later["reference"]) == ("000001", 2, "000002")
    sent = [await trade.messages(f"order_id={order['id']}") for order in (first, second, third)]
    assert [[each["state"] for each in told] for told in sent] == [["sent"]] * 3
    assert (await make.get(f"/v1/edifact-accounts/{trade.account['id']}"))["last_reference"] == 2


async def test_an_order_that_is_not_open_any_more_is_not_sent(make: Make) -> None:
    trade = await trading(make)
    fund = await make.budget()
    gone, back = [await make.approved(make.line(fund)) for _ in range(2)]
    await make.act(gone, "cancel", reason="x")
    await make.act(back, "unopen")
    await make.act(back, "approve")

    made = await trade.pick_up()

    assert made is not None
    assert made["messages"] == 1
    assert [
        [each["state"] for each in await trade.messages(f"order_id={order['id']}")] for order in (gone, back)
    ] == [
        ["withdrawn"],
        ["sent"],
    ]


async def test_what_did_not_arrive_is_fetched_again_with_the_same_reference(erm: Harness, make: Make) -> None:
    trade = await trading(make)
    await make.approved(make.line(await make.budget()))
    made = await trade.pick_up()
    assert made is not None
    path = f"/v1/edifact-interchanges/{made['id']}/actions"

    silent = await erm.post(path, json={"action": "failed"})
    failed = await make.post(path, {"action": "failed", "reason": "no route to host"}, expect=200)
    again = await make.post(path, {"action": "again"}, expect=200)
    waiting = (await make.get("/v1/edifact-interchanges?state=made"))["items"]
    one, two = await trade.content(made), await trade.content(again)
    sent = await make.post(path, {"action": "sent"}, expect=200)
    twice = await erm.post(path, json={"action": "sent"})

    assert (silent.status_code, codes(silent)) == (422, ["reason-missing"])
    assert (failed["state"], failed["failure"], again["state"], again["failure"]) == (
        "failed",
        "no route to host",
        "made",
        None,
    )
    assert ([each["id"] for each in waiting], one == two) == ([made["id"]], True)
    assert (sent["state"], sent["sent_at"] is not None, codes(twice)) == ("sent", True, ["interchange-state"])


async def test_an_order_goes_again_by_hand_and_says_so(erm: Harness, make: Make) -> None:
    trade = await trading(make)
    fund = await make.budget()
    order, pending = await make.approved(make.line(fund)), await make.order(make.line(fund))
    await trade.pick_up()
    await make.act(order, "unopen")
    await make.act(order, "approve")
    by_itself = await trade.pick_up()

    told = await make.post(f"/v1/orders/{order['id']}/edifact-messages", {})
    refused = await erm.post(f"/v1/orders/{pending['id']}/edifact-messages", json={})
    made = await trade.pick_up()

    assert (by_itself, told["message"]["again"], codes(refused)) == (None, True, ["order-state"])
    assert made is not None
    assert f"BGM+220+{order['number']}+7'" in (await trade.content(made)).decode()


async def test_the_vendors_answer_acknowledges_the_order(make: Make) -> None:
    trade = await trading(make)
    order = await make.approved(make.line(await make.budget()))
    await trade.pick_up()

    await trade.take(message("ORDRSP", "BGM+231+OR-1", f"LIN+1+5'RFF+LI:{order['number']}-1"))

    told = await trade.messages(f"order_id={order['id']}")
    assert [(each["kind"], each["state"]) for each in told] == [
        ("ORDERS", "acknowledged"),
        ("ORDRSP", "applied"),
    ]


async def test_a_quotes_own_reference_comes_back_to_the_vendor(make: Make) -> None:
    trade = await trading(make)
    await make.budget()
    quote = message(
        "QUOTES", "BGM+31C+Q", "CUX+2:EUR:12", "LIN+1", "IMD+L+050+:::X", "QTY+1:1", "GIR+001+F1:LFN", "PRI+AAE:4",
        "RFF+QLI:Q17-1",
    )  # fmt: skip
    (told,) = await trade.take(quote)
    await make.act({"id": told["order_id"]}, "approve")

    made = await trade.pick_up()

    assert made is not None
    assert "'RFF+QLI:Q17-1'" in (await trade.content(made)).decode()


async def test_an_order_that_is_rewritten_keeps_what_the_vendor_calls_its_lines(
    erm: Harness, make: Make
) -> None:
    trade = await trading(make)
    fund = await make.budget()
    lines = [
        f"LIN+{at}'IMD+L+050+:::{title}'QTY+1:1'GIR+001+{'F1'}:LFN'PRI+AAE:4'RFF+QLI:{reference}"
        for at, title, reference in ((1, "X", "Q-1"), (2, "Y", "Q-2"), (3, "X", "Q-3"))
    ]
    (told,) = await trade.take(message("QUOTES", "BGM+31C+Q", "CUX+2:EUR:12", *lines))
    order = await erm.get(f"/v1/orders/{told['order_id']}")
    wanted = [make.line(fund, "4.00", title=title, receipt="count") for title in ("Y", "New", "X")]
    body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": wanted}

    rewritten = await erm.put(
        f"/v1/orders/{told['order_id']}", json=body, headers={"If-Match": order.headers["etag"]}
    )
    await make.act(rewritten.json(), "approve")

    made = await trade.pick_up()
    assert made is not None
    sent = [each[1] for each in told_by_peer(await trade.content(made)) if each[0] in ("IMD", "RFF")]
    assert [each[0][1] if each[0] != "L" else each[2][3] for each in sent if "LI" not in each[0]] == [
        "Y",
        "Q-2",
        "New",
        "X",
        "Q-1",
    ]


async def test_copies_for_several_locations_go_out_by_branch(make: Make) -> None:
    other = "01a0f7a2-5b1c-4d3e-8f00-00000000bbbb"
    trade = await trading(
        make,
        branches=[{"code": "MAIN", "location_id": BRANCH}, {"code": "WEST", "location_id": other}],
    )
    told = [{"location_id": BRANCH, "physical": 1}, {"location_id": other, "physical": 1, "electronic": 1}]
    await make.approved(make.line(await make.budget(), "4.00", locations=told))

    made = await trade.pick_up()

    assert made is not None
    content = (await trade.content(made)).decode()
    assert "'QTY+21:3'GIR+001+MAIN:LLO+F1:LFN'GIR+002+WEST:LLO+F1:LFN'GIR+003+WEST:LLO+F1:LFN'" in content


async def test_a_vendor_that_is_not_sent_orders_gets_none_and_codes_are_taken_once(
    erm: Harness, make: Make
) -> None:
    trade = await trading(make, send_orders=False)
    order = await make.approved(make.line(await make.budget()))
    body = {"organisation_id": make.vendor["id"], "vendor_code": VENDOR, "library_code": LIBRARY}

    taken = await erm.post("/v1/edifact-accounts", json=body)
    same = await erm.post("/v1/edifact-accounts", json=body | {"vendor_code": LIBRARY})

    assert (await trade.pick_up(), await trade.messages(f"order_id={order['id']}")) == (None, [])
    assert (taken.status_code, codes(taken), same.status_code) == (409, ["codes-taken"], 422)
