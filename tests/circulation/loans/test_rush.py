"""Many at the desk at once: their statements are shared, and nothing else is."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from chassis import outbox
from circulation.app import SERVICE
from circulation.loans import statements
from circulation.loans.rush import rest
from contracts.circulation import LoanCreated
from support.desk import Make, at_hand, codes
from support.harness import Harness, running

SHARED = {
    statements.EVERYDAY_TOGETHER: "look",
    statements.ACT_TOGETHER: "act",
}


@asynccontextmanager
async def every_connection(circulation: Harness) -> AsyncIterator[list[Any]]:
    """All of the pool's."""
    pool = circulation.resources.pool
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    try:
        yield held
    finally:
        for connection in held:
            await pool.release(connection)


@asynccontextmanager
async def all_statements(circulation: Harness) -> AsyncIterator[list[str]]:
    """What is asked meanwhile, by whichever connection; but not what each asks once of the types it meets."""
    asked: list[str] = []

    def note(query: LoggedQuery) -> None:
        if "idempotency" in query.query or query.query == outbox.OLDEST:
            asked.append(query.query)

    async with every_connection(circulation) as held:
        for connection in held:
            connection.add_query_logger(note)
    try:
        yield asked
    finally:
        async with every_connection(circulation) as held:
            for connection in held:
                connection.remove_query_logger(note)


async def test_many_at_once_take_a_few_statements_and_each_is_lent_as_if_alone(
    circulation: Harness, make: Make
) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(12)]
    alone = await make.loan(await make.patron(), await make.item())

    async with all_statements(circulation) as asked:
        answers = await asyncio.gather(*(make.lend(patron, item) for patron, item in pairs))

    assert [answer.status_code for answer in answers] == [201] * 12
    asked.remove(outbox.OLDEST)
    assert len(asked) == 4, "the first looks and acts alone, the others do both together"
    for answer, (patron, item) in zip(answers, pairs, strict=True):
        told = answer.json()
        assert (told["patron_id"], told["item_id"]) == (patron["id"], str(item.item_id))
        own = {"id", "patron_id", "item_id", "item_barcode", "title_id", "title"}
        assert {k: v for k, v in told.items() if k not in own} == {
            k: v for k, v in alone.items() if k not in own
        }
        assert [loan["id"] for loan in (await make.account(patron))["loans"]] == [told["id"]]
        assert (await make.state(item))["state"] == "on-loan"
    assert sorted(str(event.loan_id) for event in await circulation.announced(LoanCreated)) == sorted(
        [alone["id"], *(answer.json()["id"] for answer in answers)]
    )


async def test_cards_and_labels_are_read_together_with_ids(circulation: Harness, make: Make) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(9)]

    def body(number: int, patron: dict[str, Any], item: Any) -> dict[str, Any]:
        who = {"patron_barcode": patron["barcode"]} if number % 2 else {"patron_id": patron["id"]}
        what = {"item_barcode": item.barcode} if number % 3 else {"item_id": str(item.item_id)}
        return {**who, **what, "service_point_id": make.desk}

    async with all_statements(circulation) as asked:
        answers = await asyncio.gather(
            *(circulation.post("/v1/loans", json=body(number, *pair)) for number, pair in enumerate(pairs))
        )

    assert [answer.json().get("patron_id") for answer in answers] == [patron["id"] for patron, _ in pairs]
    assert [answer.json().get("item_id") for answer in answers] == [str(item.item_id) for _, item in pairs]
    assert [SHARED.get(each) for each in asked].count("look") == 1


async def test_each_of_many_hears_its_own_reasons(circulation: Harness, make: Make) -> None:
    taken = await make.item()
    await make.loan(await make.patron(), taken)
    here_only = await make.item(loan_type="reference")
    wishes = [(await make.patron(), await make.item()) for _ in range(4)]
    wishes[1:1] = [(await make.patron(), taken), (await make.patron(), here_only)]
    unknown = {"id": "0197b9c2-0000-7000-8000-000000000000"}

    answers = await asyncio.gather(
        *(make.lend(patron, item) for patron, item in wishes), make.lend(unknown, await make.item())
    )

    assert [answer.status_code for answer in answers] == [201, 409, 409, 201, 201, 201, 404]
    assert [codes(answers[number]) for number in (1, 2, 6)] == [
        ["item-on-loan"],
        ["item-not-loanable"],
        ["patron-unknown"],
    ]


async def test_a_pile_of_one_patron_is_lent_item_by_item(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    items = [await make.item() for _ in range(10)]

    answers = await asyncio.gather(*(make.lend(patron, item) for item in items))

    assert [answer.status_code for answer in answers] == [201] * 10
    assert len((await make.account(patron))["loans"]) == 10
    assert await circulation.resources.pool.fetchval("SELECT open_loans FROM patron") == 10


async def test_one_request_sent_many_times_at_once_lends_once(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    others = [(await make.patron(), await make.item()) for _ in range(4)]

    answers = await asyncio.gather(
        *(make.lend(patron, item, key="one") for _ in range(6)), *(make.lend(*pair) for pair in others)
    )

    assert [answer.status_code for answer in answers] == [201] * 10
    assert len({answer.json()["id"] for answer in answers[:6]}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 5
    assert len(await circulation.announced(LoanCreated)) == 5


async def test_a_key_for_two_requests_spoils_nobody_elses(circulation: Harness, make: Make) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(8)]
    keys = [None, "twice", None, "twice", None, None, None, None]

    answers = await asyncio.gather(
        *(make.lend(*pair, key=key) for pair, key in zip(pairs, keys, strict=True))
    )

    told = [answer.status_code for answer in answers]
    assert sorted([told[1], told[3]]) == [201, 422]
    assert [each for place, each in enumerate(told) if keys[place] is None] == [201] * 6


async def test_a_key_that_is_taken_meanwhile_fails_the_statement_of_many_and_nobody_elses_loan(
    circulation: Harness, make: Make
) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(6)]
    pool = circulation.resources.pool

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO idempotency (principal, key, fingerprint, status, headers, body) "
            "VALUES ('staff:test-desk', 'taken', 'other', 201, '{}', '')"
        )
        lending = [
            asyncio.create_task(make.lend(*pair, key="taken" if place == 3 else None))
            for place, pair in enumerate(pairs)
        ]
        await _somebody_waits(connection)
    answers = await asyncio.gather(*lending)

    assert [answer.status_code for answer in answers] == [201, 201, 201, 422, 201, 201]
    assert (await make.state(pairs[3][1]))["state"] == "available"


async def test_whoever_waits_for_a_lock_holds_up_nobody(circulation: Harness, make: Make) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(8)]
    busy = pairs[4][0]
    pool = circulation.resources.pool

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM patron WHERE id = $1 FOR UPDATE", busy["id"])
        lending = [asyncio.create_task(make.lend(*pair)) for pair in pairs]
        done, waiting = await asyncio.wait(lending, timeout=2)
        await _somebody_waits(connection)
    answers = await asyncio.gather(*lending)

    assert waiting == {lending[4]}
    assert len(done) == 7
    assert [answer.status_code for answer in answers] == [201] * 8


async def test_two_processes_in_a_rush_over_the_same_shelf_lend_each_item_once(
    circulation: Harness, make: Make
) -> None:
    patrons = [await make.patron() for _ in range(8)]
    items = [await make.item() for _ in range(8)]
    async with running(SERVICE, circulation.dsn) as other:
        there = await at_hand(other)
        one_way = [make.lend(*pair) for pair in zip(patrons, items, strict=True)]
        other_way = [there.lend(*pair) for pair in zip(reversed(patrons), items, strict=True)]

        answers = await asyncio.gather(*one_way, *other_way)

    lent = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert len(lent) + len(refused) == 16
    assert sorted(told["item_id"] for told in lent) == sorted(str(item.item_id) for item in items)
    assert {code for answer in refused for code in codes(answer)} == {"item-on-loan"}
    held = await circulation.resources.pool.fetch("SELECT id, open_loans FROM patron")
    assert {str(row["id"]): row["open_loans"] for row in held} == {
        patron["id"]: [told["patron_id"] for told in lent].count(patron["id"]) for patron in patrons
    }


async def test_a_visit_to_the_desk_has_what_was_lent_in_a_rush(circulation: Harness, make: Make) -> None:
    pairs = [(await make.patron(), await make.item()) for _ in range(5)]
    visiting = pairs[2][0]
    body = {"patron_barcode": visiting["barcode"], "service_point_id": make.desk}
    visit = (await circulation.post("/v1/desk-sessions", json=body)).json()

    await asyncio.gather(*(make.lend(*pair) for pair in pairs))

    rows = await circulation.resources.pool.fetch("SELECT patron_id, session_id FROM loan")
    assert {str(row["patron_id"]): row["session_id"] and str(row["session_id"]) for row in rows} == {
        patron["id"]: visit["id"] if patron is visiting else None for patron, _ in pairs
    }


@pytest.mark.parametrize("statement", [statements.EVERYDAY_TOGETHER, statements.ACT_TOGETHER])
async def test_shared_statements_are_planned_once_however_many_share_them(
    circulation: Harness, make: Make, statement: str
) -> None:
    places = len(set(re.findall(r"\$\d+", statement)))

    async with circulation.resources.pool.acquire() as connection:
        for crowd in (2, 16, 3, 9, 2, 4, 16, 2, 5, 2, 2, 7):
            await connection.fetch(statement, *([[None] * crowd] * places))
        plans = await connection.fetchrow(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1", statement
        )

    assert plans is not None
    assert dict(plans) == {"generic_plans": 7, "custom_plans": 5}, "the first five are always planned"


@pytest.mark.parametrize(
    ("loans", "behind", "seconds"),
    [
        (16, 0.0, 0.0),
        (16, 12.0, 0.0),
        (16, 13.0, 0.032),
        (2, 13.0, 0.004),
        (1, 13.0, 0.0),
        (16, 22.0, 0.32),
        (16, 60.0, 0.32),
        (16, 120.0, 0.0),
        (2, 86_400.0, 0.0),
    ],
)
def test_a_rush_gives_way_the_longer_what_is_told_of_it_waits(
    loans: int, behind: float, seconds: float
) -> None:
    assert rest(loans, behind) == pytest.approx(seconds)


async def test_a_rush_asks_once_in_a_while_how_far_its_events_lie_behind(
    circulation: Harness, make: Make
) -> None:
    await make.loan(await make.patron(), await make.item())
    pairs = [(await make.patron(), await make.item()) for _ in range(24)]

    async with all_statements(circulation) as asked:
        answers = await asyncio.gather(*(make.lend(*pair) for pair in pairs))

    assert [answer.status_code for answer in answers] == [201] * 24
    assert asked.count(outbox.OLDEST) == 1


async def test_how_long_the_oldest_event_has_waited(circulation: Harness, make: Make) -> None:
    pool = circulation.resources.pool
    await pool.execute("UPDATE outbox SET published_at = now()")

    async with pool.acquire() as connection:
        nothing = await outbox.age(connection)
        await make.loan(await make.patron(), await make.item())
        await asyncio.sleep(0.1)
        something = await outbox.age(connection)

    assert nothing == 0
    assert 0.1 <= something < 60


async def _somebody_waits(connection: Any) -> None:
    """Until somebody waits for a transaction to end."""
    for _ in range(200):
        if await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted)"
        ):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")
