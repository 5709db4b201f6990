"""EDIFACT and acquisition units: what goes out, what comes in, and by whom."""

from support.acquiring import Make
from support.desk import codes
from support.harness import Harness
from support.trading import billed, invoice, message, trading
from support.trading import codes as reasons
from support.units import buyer, unit

LAW, ARTS = buyer("jurist"), buyer("painter")


async def test_orders_go_out_by_who_may_see_them_and_nobody_else_sees_the_file(
    erm: Harness, make: Make
) -> None:
    law = await unit(make, "Law", "jurist")
    trade = await trading(make)
    fund = await make.budget()
    hidden = await make.approved(make.line(fund, "10.00"), acquisition_unit_ids=[law])
    seen = await make.approved(make.line(fund, "10.00"))

    with erm.asking(ARTS):
        own = await trade.pick_up()
        nothing = await trade.pick_up()
        waiting = await trade.messages("state=pending")
    with erm.asking(LAW):
        rest = await trade.pick_up()
    assert own is not None
    assert rest is not None
    with erm.asking(ARTS):
        content = (await trade.content(own)).decode()
        path = f"/v1/edifact-interchanges/{rest['id']}"
        answers = [await erm.get(path), await erm.get(f"{path}/content")]
        answers.append(await erm.post(f"{path}/actions", json={"action": "sent"}))
        listed = (await make.get("/v1/edifact-interchanges"))["items"]
        messages = await trade.messages(f"order_id={hidden['id']}")

    assert seen["number"] in content
    assert hidden["number"] not in content
    assert (nothing, waiting, messages) == (None, [], [])
    assert [answer.status_code for answer in answers] == [404] * 3
    assert [each["id"] for each in listed] == [own["id"]]


async def test_a_file_does_what_whoever_sent_it_may_do(erm: Harness, make: Make) -> None:
    law = await unit(make, "Law", "jurist", protect_read=False)
    trade = await trading(make)
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"), acquisition_unit_ids=[law])
    refusal = message(
        "ORDRSP",
        "BGM+231+R1+29",
        "DTM+137:20270301:102",
        f"RFF+ON:{order['number']}",
        "LIN+1+7",
        "FTX+LIN++OUT:8B:28",
        f"RFF+LI:{order['number']}-1",
        "UNS+S",
    )

    with erm.asking(ARTS):
        (held,) = await trade.take(refusal)
        by_hand = await trade.act(held)
    before = await make.get(f"/v1/orders/{order['id']}")
    with erm.asking(LAW):
        applied = await trade.act(held)

    assert (held["state"], reasons(held)) == ("held", ["not-in-acquisition-unit"])
    assert (by_hand.status_code, codes(by_hand)) == (403, ["not-in-acquisition-unit"])
    assert before["state"] == "open"
    assert (applied.status_code, applied.json()["state"]) == (200, "applied")
    assert (await make.get(f"/v1/orders/{order['id']}"))["state"] == "closed"


async def test_an_invoice_that_comes_by_edifact_belongs_to_the_units_of_its_orders(
    erm: Harness, make: Make
) -> None:
    law = await unit(make, "Law", "jurist")
    trade = await trading(make)
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"), acquisition_unit_ids=[law])
    await make.receive(order["lines"][0])

    (told,) = await trade.take(invoice("I1", billed(1, f"{order['number']}-1", "10.00")))
    with erm.asking(ARTS):
        hidden = await erm.get(f"/v1/invoices/{told['invoice_id']}")
        text = await erm.get(f"/v1/edifact-messages/{told['id']}")
    with erm.asking(LAW):
        seen = await make.get(f"/v1/invoices/{told['invoice_id']}")

    assert told["state"] == "applied", told["reasons"]
    assert (hidden.status_code, text.status_code) == (404, 404)
    assert seen["acquisition_unit_ids"] == [law]
