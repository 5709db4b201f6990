"""Every list, every desk and every timer goes by an index: read in the plans of all that they ask the database."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from circulation.app import SERVICE
from circulation.holds.statements import ACT_HOLD, look_copies, look_hold
from circulation.questions import looking
from support.desk import NOW, furnished
from support.harness import Harness, migrated, running
from support.many import GROWING, SERIAL, many, one
from support.plans import Plans, gets, overheard, wishes


@pytest.fixture
async def circulation(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a library of some size."""
    dsn = await database("circulation_many", filled)
    async with running(SERVICE, dsn) as harness:
        harness.at(NOW)
        yield harness


async def filled(dsn: str) -> None:
    """Migrated, furnished, and full."""
    await migrated(SERVICE, dsn)
    async with running(SERVICE, dsn) as harness:
        await many(await furnished(harness))


FEW = 6000
"""Rows that may be put in order for one answer: all copies of a serial, never a table."""
SHORT = ("item_by_hold",)
"""Indexes that hold a few rows of a large table: items are kept for holds only while those wait to be fetched."""
PLANS = Plans(frozenset(GROWING), FEW, SHORT)
SAMPLES = {
    "patron_id": "SELECT patron_id FROM loan GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
    "patron_barcode": "SELECT barcode FROM patron LIMIT 1",
    "barcode": "SELECT barcode FROM patron LIMIT 1",
    "external_id": "SELECT external_id FROM patron LIMIT 1",
    "item_id": "SELECT item_id FROM loan WHERE returned_at IS NULL LIMIT 1",
    "item_barcode": "SELECT barcode FROM item LIMIT 1",
    "title_id": "SELECT title_id FROM hold WHERE state = 'waiting' LIMIT 1",
    "loan_id": "SELECT id FROM loan LIMIT 1",
    "hold_id": "SELECT id FROM hold WHERE state = 'waiting' LIMIT 1",
    "fee_id": "SELECT id FROM fee LIMIT 1",
    "pickup_id": "SELECT id FROM service_point LIMIT 1",
    "service_point_id": "SELECT id FROM service_point LIMIT 1",
}


async def test_no_list_reads_a_whole_table(circulation: Harness) -> None:
    told = {name: await one(circulation, statement) for name, statement in SAMPLES.items()}

    pages = [
        f"{path.format(**told)}?{query}"
        for path, named, filters in gets(circulation)
        if set(named) <= set(told)  # the rest are single jobs, drafts and drawers
        for query in [
            "",
            *[f"{name}={await one(circulation, wish)}" for name, wish in wishes(filters, SAMPLES)],
        ]
    ]

    answered = 0
    async with overheard(circulation) as asked:
        for page in pages:
            answer = await circulation.get(page)
            assert answer.status_code in (200, 404, 422), (page, answer.text)
            answered += answer.status_code == 200
        for query in (
            f"title_id={told['title_id']}&state=waiting",
            f"patron_id={told['patron_id']}&state=waiting",
        ):
            await circulation.get(f"/v1/holds?{query}")
        for query in (f"patron_id={told['patron_id']}&open=true", f"item_id={told['item_id']}&open=true"):
            await circulation.get(f"/v1/loans?{query}")
        for title in (SERIAL, told["title_id"]):
            await circulation.get(f"/v1/titles/{title}/availability?detail=items")
        await circulation.post("/v1/availability:batch", json={"title_ids": [SERIAL, told["title_id"]]})

    assert answered > 40
    assert await PLANS.slow(circulation.resources.pool, asked) == ""


async def test_no_question_reads_a_whole_table(circulation: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "RANGE", 500)
    late = {"all": [{"field": "loan.open", "is": True}, {"field": "loan.due_at", "before": "now-30d"}]}
    expired = [{"field": "patron.group", "is": "visitor"}, {"field": "patron.expires_at", "before": "now"}]
    unlent = {"not": {"some": "loans", "where": {"field": "loan.lent_at", "from": "now-300d"}}}
    questions = [
        ("loans", late),
        ("loans", {"field": "loan.renewals", "from": 3}),
        ("patrons", {"all": expired}),
        ("patrons", {"field": "patron.tag", "is": "alumni"}),
        ("patrons", {"some": "loans", "where": late}),
        ("holds", {"field": "hold.open", "is": True}),
        ("fees", {"field": "fee.open", "is": True}),
        ("items", unlent),
        ("items", None),
    ]

    async with overheard(circulation) as asked:
        answers = [
            await circulation.post(
                "/v1/questions:ask", json={"kind": kind, "condition": condition, "limit": 20}
            )
            for kind, condition in questions
        ]

    assert [each.status_code for each in answers] == [200] * len(questions)
    assert await PLANS.slow(circulation.resources.pool, asked) == ""


async def test_no_desk_reads_a_whole_table(circulation: Harness) -> None:
    pool = circulation.resources.pool
    free = await one(circulation, "SELECT barcode FROM item WHERE state = 'available' LIMIT 1")
    lent = await pool.fetch(
        "SELECT id, item_id FROM loan WHERE returned_at IS NULL AND due_at > $1 LIMIT 3", NOW
    )
    late = await one(
        circulation, "SELECT item_id FROM loan WHERE returned_at IS NULL ORDER BY due_at LIMIT 1"
    )
    titles = [
        await one(circulation, "SELECT title_id FROM hold WHERE state = 'waiting' LIMIT 1"),
        await one(
            circulation, "SELECT title_id FROM loan WHERE returned_at IS NULL ORDER BY due_at DESC LIMIT 1"
        ),
        SERIAL,
    ]
    fee = await one(circulation, "SELECT id FROM fee WHERE state = 'open' LIMIT 1")
    owing = await one(circulation, f"SELECT patron_id FROM fee WHERE id = '{fee}'")
    reader = await pool.fetchval("SELECT barcode FROM patron WHERE open_loans = 0 LIMIT 1")
    desk = await one(circulation, "SELECT id FROM service_point WHERE code = 'main-desk'")
    back = {"service_point_id": desk}

    async with overheard(circulation) as asked:
        answers = [
            await circulation.post(
                "/v1/loans",
                json=back | {"patron_barcode": reader, "item_barcode": free},
            ),
            await circulation.post(f"/v1/loans/{lent[0]['id']}/renewals"),
            await circulation.post("/v1/returns", json=back | {"item_id": str(lent[1]["item_id"])}),
            await circulation.post("/v1/returns", json=back | {"item_id": late}),
            await circulation.post(f"/v1/loans/{lent[2]['id']}/losses", json={"comment": "gone"}),
            *[
                await circulation.post(
                    "/v1/holds", json={"patron_barcode": reader, "pickup_id": desk, "title_id": title}
                )
                for title in titles
            ],
            await circulation.post(f"/v1/fees/{fee}/payments", json={"method": "cash"}),
            await circulation.post(f"/v1/patrons/{owing}/payments", json={"method": "cash"}),
            await circulation.post(f"/v1/patrons/{owing}/loans:renew", json={"all": True}),
        ]

    assert [answer.text for answer in answers if answer.status_code not in (200, 201, 409)] == []
    assert sum(answer.is_success for answer in answers) > 6, [answer.text for answer in answers]
    assert await PLANS.slow(pool, asked) == ""


async def test_holds_on_a_serial_read_its_copies_as_a_few_rows_and_lock_none_that_is_on_its_shelf(
    circulation: Harness,
) -> None:
    pool = circulation.resources.pool
    desk = await one(circulation, "SELECT id FROM service_point WHERE code = 'main-desk'")
    readers = await pool.fetch("SELECT id FROM patron WHERE open_loans = 0 ORDER BY barcode LIMIT 3")
    copy = await one(circulation, f"SELECT max(id::text) FROM item WHERE title_ids = ARRAY['{SERIAL}'::uuid]")
    wanted = [{"title_id": SERIAL}, {"title_id": SERIAL, "kind": "page"}, {"item_id": copy}]

    async with overheard(circulation) as asked:
        answers = [
            await circulation.post(
                "/v1/holds", json=what | {"patron_id": str(reader["id"]), "pickup_id": desk}
            )
            for what, reader in zip(wanted, readers, strict=True)
        ]

    assert [answer.status_code for answer in answers] == [201, 201, 201], [a.text for a in answers]
    assert [answer.json()["position"] for answer in answers] == [1, 2, 3]
    by_title, by_item = (look_hold(item=item, every=False, by_day=False) for item in (False, True))
    assert {told for told in asked if re.search(r"\bitem\b", told)} == {by_title, by_item, ACT_HOLD}
    rows = await pool.fetch(by_title, *asked[by_title])
    out = await pool.fetchval(
        "SELECT count(*) FROM item WHERE title_ids @> ARRAY[$1::uuid] "
        "AND (loan_id IS NOT NULL OR transit_to IS NOT NULL)",
        SERIAL,
    )
    assert len(rows) < out + 5
    assert await PLANS.slow(pool, asked) == ""


async def test_what_is_done_with_a_hold_on_a_serial_reads_its_copies_as_a_few_rows(
    circulation: Harness,
) -> None:
    pool = circulation.resources.pool
    desk, law = [
        await one(circulation, f"SELECT id FROM service_point WHERE code = '{code}'")
        for code in ("main-desk", "law-desk")
    ]
    reader = await one(circulation, "SELECT id FROM patron WHERE open_loans = 0 LIMIT 1")
    copy = await one(circulation, f"SELECT max(id::text) FROM item WHERE title_ids = ARRAY['{SERIAL}'::uuid]")
    body = {"patron_id": reader, "pickup_id": desk, "title_id": SERIAL}
    path = f"/v1/holds/{(await circulation.post('/v1/holds', json=body)).json()['id']}"

    async with overheard(circulation) as asked:
        answers = [
            await circulation.post(f"{path}/suspensions", json={}),
            await circulation.post(f"{path}/resumptions", json={}),
            await circulation.post(f"{path}/moves", json={"item_id": copy}),
            await circulation.patch(
                path, json={"pickup_id": law}, headers={"If-Match": '"4"', "Idempotency-Key": "law"}
            ),
            await circulation.post(f"{path}/cancellations", json={}),
        ]

    assert [answer.text for answer in answers if not answer.is_success] == []
    of_any, of_one = (look_copies(item=item, volumes=item) for item in (False, True))
    assert of_one in asked
    assert len(await pool.fetch(of_any, *asked[of_any])) < 20
    assert await PLANS.slow(pool, asked) == ""


async def test_no_timer_reads_a_whole_table(circulation: Harness) -> None:
    circulation.at(NOW + timedelta(hours=1))

    async with overheard(circulation) as asked:
        for timer in SERVICE.timers:
            await circulation.tick(timer.name)

    assert len(asked) > 20
    assert await PLANS.slow(circulation.resources.pool, asked) == ""
