"""What another system hands over is taken up as it stands there: own dates, own order, once, and nothing untrue."""

import asyncio
import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from circulation.legacy.queries import PAGES, REFUSED
from contracts.circulation import (
    FeeCharged,
    FeePaid,
    HoldPlaced,
    HoldReady,
    ItemAvailabilityChanged,
    LoanCreated,
    LoanRenewed,
)
from support.desk import NOW, Make, codes, pointers
from support.harness import Harness
from support.invariants import Watch, fingerprint

LENT, DUE = "2026-11-02T10:15:00Z", "2026-12-30T22:59:00Z"


async def sent(circulation: Harness, kind: str, *rows: dict[str, Any]) -> dict[str, Any]:
    answer = await circulation.post(f"/v1/migrations/old/{kind}", json={"rows": list(rows)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def brought(make: Make, *legacy_ids: str, **more: Any) -> list[dict[str, Any]]:
    """Patrons, known here by an external id and there by a legacy one."""
    made = [await make.patron(external_id=f"u-{each}", **more) for each in legacy_ids]
    told = await sent(
        make.circulation, "patrons", *({"legacy_id": each, "external_id": f"u-{each}"} for each in legacy_ids)
    )
    assert told["loaded"] == len(legacy_ids)
    return made


def outcomes(told: dict[str, Any]) -> dict[str, Any]:
    return {
        row["legacy_id"]: [reason["code"] for reason in row["reasons"]] or row["outcome"]
        for row in told["rows"]
    }


def loan(legacy_id: str, item: Any, patron: str = "p1", **more: Any) -> dict[str, Any]:
    told = {
        "legacy_id": legacy_id,
        "patron": patron,
        "item_id": str(item.item_id),
        "lent_at": LENT,
        "due_at": DUE,
    }
    return told | {"renewals": 3, "service_point": "main-desk"} | more


def hold(legacy_id: str, item: Any, patron: str = "p1", place: int = 1, **more: Any) -> dict[str, Any]:
    told = {"legacy_id": legacy_id, "patron": patron, "title_id": str(item.title_ids[0]), "place": place}
    return told | {"placed_at": "2026-10-01T08:00:00+02:00", "pickup": "main-desk"} | more


def fee(legacy_id: str, patron: str = "p1", **more: Any) -> dict[str, Any]:
    told = {"legacy_id": legacy_id, "patron": patron, "type": "overdue", "amount": 500, "remaining": 500}
    return told | {"currency": "EUR", "charged_at": "2026-09-01T12:00:00Z"} | more


async def test_an_open_loan_comes_with_its_dates_and_renewals_whatever_lending_would_say(
    circulation: Harness, make: Make
) -> None:
    expired = (NOW - timedelta(days=400)).isoformat()
    (patron,) = await brought(make, "p1", group="visitor", expires_at=expired)
    items = [await make.item(), await make.item(loan_type="reference"), await make.item(), await make.item()]

    told = await sent(circulation, "loans", *(loan(f"l{n}", item) for n, item in enumerate(items)))

    assert told["loaded"] == 4, "an expired card, more than the group may have, and what is not lent at all"
    found = (await circulation.get(f"/v1/loans/{told['rows'][0]['id']}")).json()
    assert (found["lent_at"], found["due_at"], found["renewals"]) == (LENT, DUE, 3)
    assert found["policy"] == "four-weeks"
    assert (await make.state(items[0]))["state"] == "on-loan"
    assert (await circulation.get(f"/v1/patrons/{patron['id']}")).json()["open_loans"] == 4
    events = await circulation.announced(LoanCreated)
    assert [event.migrated_from for event in events] == ["old"] * 4
    assert not await circulation.announced(LoanRenewed)
    await Watch(circulation).check()
    back = await make.take_back(items[0])
    assert back["loan"]["id"] == told["rows"][0]["id"]
    await Watch(circulation).check()


async def test_the_same_again_changes_nothing_and_other_facts_are_told(
    circulation: Harness, make: Make
) -> None:
    await brought(make, "p1", "p2")
    item, title = await make.item(), await make.item()
    rows = {
        "patrons": [{"legacy_id": "p1", "external_id": "u-p1"}],
        "loans": [loan("l1", item)],
        "holds": [hold("h1", title), hold("h2", title, "p2", 2)],
        "fees": [fee("f1"), fee("f2", amount=900)],
    }
    first = {kind: await sent(circulation, kind, *told) for kind, told in rows.items()}
    before = await fingerprint(circulation)

    again = {kind: await sent(circulation, kind, *told) for kind, told in rows.items()}
    after = await fingerprint(circulation)
    other = await sent(circulation, "loans", loan("l1", item, renewals=9))

    for kind, told in rows.items():
        assert again[kind]["unchanged"] == len(told)
        assert [row["id"] for row in again[kind]["rows"]] == [row["id"] for row in first[kind]["rows"]]
    assert {name for name in before if before[name] != after[name]} == {"idempotency"}
    assert outcomes(other) == {"l1": ["told-otherwise"]}
    assert (await circulation.get(f"/v1/loans/{first['loans']['rows'][0]['id']}")).json()["renewals"] == 3


async def test_each_row_is_refused_by_itself_and_taken_up_once_it_is_mended(
    circulation: Harness, make: Make
) -> None:
    await brought(make, "p1")
    item, unheard = await make.item(), make.item_state()
    rows = [
        loan("a", item),
        loan("b", item),
        loan("c", unheard, "nobody", service_point="none"),
        loan("d", await make.item(), lent_at="2027-03-02T00:00:00Z"),
    ]

    first = await sent(circulation, "loans", *rows)
    listed = (await circulation.get("/v1/migrations/old/loans?refused=true")).json()["items"]
    await brought(make, "nobody")
    await circulation.post("/v1/returns", json={"item_id": rows[0]["item_id"], "service_point_id": make.desk})
    second = await sent(circulation, "loans", rows[0], rows[1])

    assert outcomes(first) == {
        "a": "loaded",
        "b": ["item-lent"],
        "c": ["patron-unknown", "item-unknown", "service-point-unknown"],
        "d": ["in-the-future", "due-not-after-lent"],
    }
    assert [(each["legacy_id"], len(each["reasons"])) for each in listed] == [("b", 1), ("c", 3), ("d", 2)]
    assert outcomes(second) == {"a": "unchanged", "b": "loaded"}
    await Watch(circulation).check()


async def test_two_runs_at_once_load_each_row_once(circulation: Harness, make: Make) -> None:
    await brought(make, "p1")
    rows = [loan(f"l{n}", await make.item()) for n in range(5)]

    told = await asyncio.gather(*(sent(circulation, "loans", *rows) for _ in range(3)))

    assert sorted((each["loaded"], each["unchanged"]) for each in told) == [(0, 5), (0, 5), (5, 0)]
    assert len(await circulation.announced(LoanCreated)) == 5
    await Watch(circulation).check()


async def test_a_check_out_at_the_same_moment_leaves_one_loan(circulation: Harness, make: Make) -> None:
    (_, other) = await brought(make, "p1", "p2")
    items = [await make.item() for _ in range(4)]

    told, *lent = await asyncio.gather(
        sent(circulation, "loans", *(loan(f"l{n}", item) for n, item in enumerate(items))),
        *(make.lend(other, item) for item in items),
    )

    desk = sum(answer.status_code == 201 for answer in lent)
    assert told["loaded"] + desk == 4
    assert set(map(str, outcomes(told).values())) <= {"loaded", "['item-lent']"}
    await Watch(circulation).check()


async def test_holds_stand_in_the_order_of_the_old_queue_and_those_on_the_shelf_are_there(
    circulation: Harness, make: Make
) -> None:
    patrons = await brought(make, "p1", "p2", "p3", "p4")
    here = await make.patron()
    item = await make.item()
    await sent(circulation, "loans", loan("l1", item, "p4"))
    copy = await make.item(title_ids=item.title_ids)
    await make.lend(here, copy)
    own = await make.hold(await make.patron(), item)
    await make.take_back(copy)
    await circulation.post(f"/v1/holds/{own['id']}/cancellations", json={})

    told_ready = len(await circulation.announced(HoldReady))
    late = await sent(circulation, "holds", hold("h3", item, "p3", 3))
    ready = hold("h0", item, "p4", 0, item_id=str(copy.item_id), ready=True)
    first = await sent(circulation, "holds", hold("h2", item, "p2", 2), hold("h1", item, "p1", 1), ready)

    assert (late["loaded"], first["loaded"]) == (1, 3)
    queue = (await circulation.get(f"/v1/holds/queues/{item.title_ids[0]}")).json()["holds"]
    assert [each["hold"]["patron_id"] for each in queue] == [patrons[n]["id"] for n in (3, 0, 1, 2)]
    assert [each["hold"]["state"] for each in queue] == ["ready", "waiting", "waiting", "waiting"]
    assert queue[1]["hold"]["placed_at"] == "2026-10-01T06:00:00Z"
    assert (await make.state(copy))["state"] == "on-hold-shelf"
    events = await circulation.announced(HoldPlaced)
    assert [event.migrated_from for event in events] == [None, "old", "old", "old", "old"]
    assert len(await circulation.announced(HoldReady)) == told_ready, "nobody is told again that it is there"
    assert (await circulation.announced(ItemAvailabilityChanged))[-1].availability.state == "on-hold-shelf"
    await Watch(circulation).check()
    assert codes(await make.lend(here, copy)) == ["item-held-for-another"]
    assert (await make.lend(patrons[3], copy)).status_code == 201
    await Watch(circulation).check()


async def test_what_stands_on_its_shelf_is_fetched_for_who_waited_in_the_old_system(
    circulation: Harness, make: Make
) -> None:
    await brought(make, "p1", "p2")
    item = await make.item()
    suspended = hold("h1", item, "p1", 1, suspended=True, suspended_until="2027-06-01T00:00:00Z")
    await sent(circulation, "holds", suspended, hold("h2", item, "p2", 2))

    await circulation.tick("retarget-holds")

    assert (await make.state(item))["state"] == "paged"
    queue = (await circulation.get(f"/v1/holds/queues/{item.title_ids[0]}")).json()["holds"]
    assert [each["hold"]["suspended_at"] is not None for each in queue] == [True, False]
    assert [each["pinned"] for each in queue] == [False, True]
    await Watch(circulation).check()


async def test_a_return_after_the_move_serves_the_old_queue(circulation: Harness, make: Make) -> None:
    await brought(make, "p1", "p2")
    item = await make.item()
    await sent(circulation, "loans", loan("l1", item))
    await sent(circulation, "holds", hold("h1", item, "p2", on_item=True, item_id=str(item.item_id)))

    await make.take_back(item)

    assert (await make.state(item))["state"] == "on-hold-shelf"
    await Watch(circulation).check()


async def test_a_fee_keeps_its_date_and_what_was_paid_before(circulation: Harness, make: Make) -> None:
    await make.configure(fee_types=[{"code": "damage", "name": "Damage"}])
    (patron,) = await brought(make, "p1")
    item = await make.item()
    await sent(circulation, "loans", loan("l1", item))

    told = await sent(
        circulation,
        "fees",
        fee("f1", remaining=125, loan="l1", item_id=str(item.item_id), note="as it was"),
        fee("f2", type="damage", amount=1000, remaining=1000),
    )

    found = (await circulation.get(f"/v1/fees/{told['rows'][0]['id']}")).json()
    assert (found["charged_at"], found["amount"], found["remaining"]) == ("2026-09-01T12:00:00Z", 500, 125)
    assert (found["status"], found["state"], found["note"]) == ("paid-partly", "open", "as it was")
    assert (await circulation.get(f"/v1/patrons/{patron['id']}")).json()["owed"] == 1125
    acts = (await circulation.get(f"/v1/fees/{found['id']}/actions")).json()["items"]
    assert [(each["act"], each["amount"], each["method"]) for each in acts] == [("pay", 375, "migrated")]
    (charged, _) = await circulation.announced(FeeCharged)
    assert (charged.migrated_from, charged.fee.remaining.minor) == ("old", 125)
    assert not await circulation.announced(FeePaid)
    await Watch(circulation).check()
    paid = await circulation.post(f"/v1/fees/{found['id']}/payments", json={"method": "card", "amount": 125})
    assert paid.status_code == 201, paid.text
    sums = (await circulation.get("/v1/migrations/old/fees/sum")).json()
    assert sums["amounts"] == [{"currency": "EUR", "amount": 1500, "remaining": 1000}]


async def test_a_fee_that_cannot_be_is_refused_with_every_reason(circulation: Harness, make: Make) -> None:
    await brought(make, "p1")

    told = await sent(
        circulation,
        "fees",
        fee("f1", "nobody", loan="none", type="gift", currency="USD", remaining=501),
        fee("f2"),
    )

    assert outcomes(told) == {
        "f1": ["patron-unknown", "loan-unknown", "fee-type-unknown", "other-currency", "more-than-charged"],
        "f2": "loaded",
    }


async def test_the_sum_is_that_of_whoever_has_the_same_records(circulation: Harness, make: Make) -> None:
    (patron, *_) = await brought(make, "p1", "p2", family_name="Lovelace", given_name="Ada")
    item, other = await make.item(), await make.item()
    await sent(circulation, "loans", loan("l2", item), loan("l1", other, "p2"), loan("x", item))
    await sent(circulation, "holds", hold("h1", item))
    await sent(circulation, "fees", fee("f1", remaining=20))

    sums = {
        kind: (await circulation.get(f"/v1/migrations/old/{kind}/sum")).json()
        for kind in ("patrons", "loans", "holds", "fees")
    }

    who = [f"p{n}\tu-p{n}\t{each}\tstudent\tLovelace\tAda\t" for n, each in ((1, "P00001"), (2, "P00002"))]
    assert sums["patrons"] == summed(*who)
    assert sums["loans"] == summed(
        f"l1\tp2\t{other.item_id}\t{LENT}\t{DUE}\t3", f"l2\tp1\t{item.item_id}\t{LENT}\t{DUE}\t3", refused=1
    )
    title = item.title_ids[0]
    assert sums["holds"] == summed(f"h1\tp1\t{title}\t\t2026-10-01T06:00:00Z\tmain-desk\twaiting\t1")
    amounts = [{"currency": "EUR", "amount": 500, "remaining": 20}]
    line = "f1\tp1\toverdue\t500\t20\tEUR\t2026-09-01T12:00:00Z"
    assert sums["fees"] == summed(line) | {"amounts": amounts}
    assert patron["barcode"] == "P00001"


def summed(*lines: str, refused: int = 0) -> dict[str, Any]:
    hashes = b"".join(hashlib.sha256(line.encode()).digest() for line in lines)
    return {"count": len(lines), "refused": refused, "checksum": hashlib.sha256(hashes).hexdigest()}


async def test_a_record_is_found_by_its_old_id_though_its_patron_was_merged(
    circulation: Harness, make: Make
) -> None:
    first, second = await brought(make, "p1", "p2")
    merged = await circulation.post(f"/v1/patrons/{first['id']}/merges", json={"merged": [second["id"]]})
    assert merged.is_success, merged.text

    told = (await circulation.get("/v1/migrations/old/patrons?legacy_id=p2&legacy_id=p1&legacy_id=x")).json()
    page = (await circulation.get("/v1/migrations/old/patrons?limit=1")).json()
    more = (await circulation.get(f"/v1/migrations/old/patrons?cursor={page['next_cursor']}")).json()

    assert [(each["legacy_id"], each["id"]) for each in told["items"]] == [
        ("p1", first["id"]),
        ("p2", first["id"]),
    ]
    assert [each["legacy_id"] for each in (*page["items"], *more["items"])] == ["p1", "p2"]


WRONG = "/v1/migrations/old/"


@pytest.mark.parametrize(
    ("path", "rows", "pointer"),
    [
        ("loans", [], "/rows"),
        ("loans", [{"legacy_id": "a"}], "/rows/0/patron"),
        ("patrons", [{"legacy_id": "a", "external_id": "u"}] * 2, ""),
        ("patrons", [{"legacy_id": "a\0", "external_id": "u"}], ""),
        ("fees", [fee("f", amount=0)], "/rows/0/amount"),
        ("fees", [fee("f", amount=10**12)], "/rows/0/amount"),
        ("fees", [fee("f", charged_at="2026-09-01")], "/rows/0/charged_at"),
    ],
)
async def test_a_wrong_slice_is_told_and_nothing_of_it_written(
    circulation: Harness, make: Make, path: str, rows: list[Any], pointer: str
) -> None:
    answer = await circulation.post(WRONG + path, json={"rows": rows})

    assert answer.status_code == 422
    assert pointer in pointers(answer)
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM migrated_record") == 0


async def test_lists_go_by_an_index(circulation: Harness, make: Make) -> None:
    await circulation.resources.pool.execute("""
INSERT INTO migrated_record (source, kind, legacy_id, outcome, told)
SELECT 'old', kind, 'b' || n, 'refused', '' FROM generate_series(1, 2000) AS n,
    unnest(ARRAY['patron', 'loan', 'hold', 'fee']) AS kind""")
    await circulation.resources.pool.execute("ANALYZE migrated_record")

    for page in (*PAGES.values(), *REFUSED.values()):
        async with circulation.resources.sessions() as session:
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            told = {"source": "old", "after": "b5", "limit": 100}
            plan = "\n".join(row[0] for row in await session.execute(text(f"EXPLAIN {page.text}"), told))

        assert re.search(r"using migrated_record_(pkey|refused) on migrated_record m\b", plan), plan
        assert "legacy_id > " in plan, plan
