"""A patron's visit to the desk is told as one, whoever ends it."""

import asyncio
from datetime import timedelta
from typing import Any

from chassis.principal import Principal
from contracts.circulation import DeskSessionEnded
from support.desk import NOW, Make, pointers, statements
from support.harness import Harness

MINUTE = timedelta(minutes=1)


async def opened(circulation: Harness, make: Make, patron: dict[str, Any], *, at: str = "main-desk") -> Any:
    body = {"patron_barcode": patron["barcode"], "service_point_id": str(make.desks[at])}
    answer = await circulation.post("/v1/desk-sessions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def ended(circulation: Harness, session: Any, **query: Any) -> Any:
    return (await circulation.post(f"/v1/desk-sessions/{session['id']}/endings", params=query)).json()


async def test_what_goes_out_and_comes_in_while_a_patron_is_here_is_one_receipt(
    circulation: Harness, make: Make
) -> None:
    patron, other = await make.patron(language="de-AT"), await make.patron()
    first, second, third, elsewhere = [await make.item() for _ in range(4)]
    before = await make.loan(patron, first)
    session = await opened(circulation, make, patron)

    lent = await make.loan(patron, second)
    brief = await make.loan(patron, third)
    await make.loan(other, await make.item())
    await make.loan(patron, elsewhere, service_point_id=str(make.desks["law-desk"]))
    await make.take_back(first)
    await make.take_back(third)
    receipt = (await ended(circulation, session))["receipt"]
    after = await make.loan(patron, third)
    again = await ended(circulation, session, language="en")

    assert [line["loan_id"] for line in receipt["lent"]] == [lent["id"], brief["id"]]
    assert [line["loan_id"] for line in receipt["returned"]] == [before["id"], brief["id"]]
    assert receipt["language"] == "de"
    assert receipt["text"].startswith("Main desk\n01.03.2027 10:00 Uhr\n\nAusgeliehen (2)\n- Title ")
    assert patron["family_name"] not in receipt["text"]
    assert again["receipt"]["text"].splitlines()[3] == "Borrowed (2)"
    assert after["id"] not in [line["loan_id"] for line in again["receipt"]["lent"]]
    (event,) = await circulation.announced(DeskSessionEnded)
    assert [str(each) for each in event.lent] == [lent["id"], brief["id"]]
    assert [str(each) for each in event.returned] == [before["id"], brief["id"]]
    assert (event.how, str(event.patron_ref)) == ("asked", patron["id"])


async def test_a_visit_costs_the_desk_no_round_trip(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    session = await opened(circulation, make, patron)

    async with statements(circulation) as asked:
        await make.loan(patron, item)
        await make.take_back(item)

    assert len(asked) == 4
    receipt = (await ended(circulation, session))["receipt"]
    assert len(receipt["lent"]) == len(receipt["returned"]) == 1


async def test_a_card_scanned_twice_goes_on_with_the_same_visit(circulation: Harness, make: Make) -> None:
    patron = await make.patron()

    here = await asyncio.gather(*(opened(circulation, make, patron) for _ in range(4)))
    there = await opened(circulation, make, patron, at="law-desk")
    await ended(circulation, here[0])
    anew = await opened(circulation, make, patron)

    assert len({session["id"] for session in here}) == 1
    assert len({here[0]["id"], there["id"], anew["id"]}) == 3


async def test_a_visit_without_a_scan_for_a_quarter_of_an_hour_is_over_and_is_forgotten_after_a_month(
    circulation: Harness, make: Make
) -> None:
    gone, busy = await make.patron(), await make.patron()
    over, going = await opened(circulation, make, gone), await opened(circulation, make, busy)
    loan = await make.loan(gone, await make.item())
    circulation.at(NOW + 10 * MINUTE)
    await make.loan(busy, await make.item())
    circulation.at(NOW + 15 * MINUTE)

    await circulation.tick("end-idle-sessions")
    await circulation.tick("end-idle-sessions")

    (event,) = await circulation.announced(DeskSessionEnded)
    assert (str(event.session_id), event.how, [str(each) for each in event.lent]) == (
        over["id"],
        "idle",
        [loan["id"]],
    )
    open_still = (await circulation.get(f"/v1/desk-sessions/{going['id']}")).json()
    assert (open_still["ended_at"], len(open_still["receipt"]["lent"])) == (None, 1)
    circulation.at(NOW + timedelta(days=31))
    await circulation.tick("end-idle-sessions")
    assert (await circulation.get(f"/v1/desk-sessions/{over['id']}")).status_code == 404


async def test_a_loan_made_while_the_visit_ends_is_on_its_receipt_or_in_no_visit(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    items = [await make.item() for _ in range(6)]
    session = await opened(circulation, make, patron)

    answers = await asyncio.gather(
        *(make.lend(patron, item) for item in items[:3]),
        ended(circulation, session),
        ended(circulation, session),
        *(make.lend(patron, item) for item in items[3:]),
    )

    assert [answer.status_code for answer in (*answers[:3], *answers[5:])] == [201] * 6
    (event,) = await circulation.announced(DeskSessionEnded)
    rows = await circulation.resources.pool.fetch("SELECT id FROM loan WHERE session_id IS NOT NULL")
    assert {row["id"] for row in rows} == set(event.lent)
    assert [line["loan_id"] for line in answers[3]["receipt"]["lent"]] == [str(each) for each in event.lent]


async def test_a_visit_is_the_desks_of_that_library(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    session = await opened(circulation, make, patron)
    law = Principal("staff", "l", frozenset({"loans:create"}), libraries=frozenset({"LAW"}))

    with circulation.asking(law):
        read = await circulation.get(f"/v1/desk-sessions/{session['id']}")
        end = await circulation.post(f"/v1/desk-sessions/{session['id']}/endings")
    unknown = await circulation.post(
        "/v1/desk-sessions", json={"patron_barcode": "nobody", "service_point_id": make.desk}
    )

    assert read.status_code == end.status_code == 403
    assert (unknown.status_code, pointers(unknown)) == (404, ["/patron_barcode"])
    assert (await circulation.get(f"/v1/desk-sessions/{session['id']}")).json()["ended_at"] is None
