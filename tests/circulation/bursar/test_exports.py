"""Exports to the bursar: which fees go, each once, whatever happens meanwhile."""

import asyncio
import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from circulation.bursar.rules import Criteria, OpenFee, handed_over
from contracts.circulation import FeeTransferred
from support.desk import NOW, Make
from support.harness import STAFF, Harness
from support.money import charged, configured, money_is_whole, owed

AT = datetime(2027, 6, 1, tzinfo=UTC)
FEES = [
    OpenFee("old", "overdue", "MAIN", AT - timedelta(days=90), 1000),
    OpenFee("older", "lost-item", "LAW", AT - timedelta(days=120), 3000),
    OpenFee("new", "overdue", "MAIN", AT - timedelta(days=3), 500),
]


@pytest.mark.parametrize(
    ("criteria", "chosen"),
    [
        (Criteria(), ["older", "old", "new"]),
        (Criteria(older_than_days=30), ["older", "old"]),
        (Criteria(older_than_days=90), ["older", "old"]),
        (Criteria(older_than_days=91), ["older"]),
        (Criteria(kinds=frozenset({"overdue"})), ["old", "new"]),
        (Criteria(owners=frozenset({"LAW"})), ["older"]),
        (Criteria(patron_groups=frozenset({"student"})), ["older", "old", "new"]),
        (Criteria(patron_groups=frozenset({"staff"})), []),
        # The least total is of what would go, not of everything owed.
        (Criteria(least_total=4500), ["older", "old", "new"]),
        (Criteria(least_total=4501), []),
        (Criteria(least_total=1501, kinds=frozenset({"overdue"})), []),
    ],
)
def test_what_goes_to_the_bursar_meets_every_criterion(criteria: Criteria, chosen: list[str]) -> None:
    assert handed_over(criteria, FEES, group="student", now=AT) == chosen


@pytest.fixture(autouse=True)
async def _with_a_bursar(circulation: Harness, make: Make) -> None:
    await configured(circulation)


async def begin(circulation: Harness, **more: Any) -> Any:
    return await circulation.post("/v1/bursar-exports", json={"account": "bursar"} | more)


async def lines(circulation: Harness, export: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await circulation.get(f"/v1/bursar-exports/{export['id']}/lines")).json()[
        "items"
    ]
    return told


async def test_old_fees_are_handed_over_once(circulation: Harness, make: Make) -> None:
    debtor, careful = await make.patron(external_id="s123"), await make.patron()
    old = await charged(make, debtor, 3000)
    await charged(make, careful, 100)
    circulation.at(NOW + timedelta(days=40))
    new = await charged(make, debtor, 700)

    export = (await begin(circulation, older_than_days=30, least_total=1000)).json()
    await circulation.tick("bursar-exports")
    again = (await begin(circulation, older_than_days=30, least_total=1000)).json()
    await circulation.tick("bursar-exports")

    told = (await circulation.get(f"/v1/bursar-exports/{export['id']}")).json()
    assert (told["state"], told["patrons"], told["lines"], told["amount"]) == ("done", 1, 1, 3000)
    [line] = await lines(circulation, export)
    assert (line["fee_id"], line["external_id"], line["amount"]) == (old["id"], "s123", 3000)
    assert await lines(circulation, again) == []
    assert (await owed(make, debtor), await owed(make, careful)) == (new["amount"], 100)
    assert len(await circulation.announced(FeeTransferred)) == 1
    await money_is_whole(circulation)


async def test_what_the_bursar_is_to_give_back_goes_with_the_next_export_once(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 3000)
    await begin(circulation)
    await circulation.tick("bursar-exports")
    await circulation.post(f"/v1/fees/{fee['id']}/refunds", json={"amount": 1200, "comment": "found"})

    exports = []
    for _ in range(2):
        exports.append((await begin(circulation)).json())
        await circulation.tick("bursar-exports")

    assert [[line["amount"] for line in await lines(circulation, each)] for each in exports] == [[-1200], []]
    told = (await circulation.get(f"/v1/bursar-exports/{exports[0]['id']}")).json()
    assert (told["lines"], told["amount"]) == (1, -1200)
    await money_is_whole(circulation)


async def test_an_export_that_was_killed_goes_on_where_it_was(circulation: Harness, make: Make) -> None:
    patrons = [await make.patron() for _ in range(3)]
    for patron in patrons:
        await charged(make, patron, 500)
    export = (await begin(circulation)).json()
    pool = circulation.resources.pool
    await pool.execute(
        f"ALTER TABLE fee_action ADD CONSTRAINT stop CHECK (fee_id NOT IN "
        f"('{(await pool.fetchval('SELECT id FROM fee WHERE patron_id = $1', patrons[1]['id']))}'))"
    )
    await circulation.tick("bursar-exports")
    halfway = (await circulation.get(f"/v1/bursar-exports/{export['id']}")).json()
    await pool.execute("ALTER TABLE fee_action DROP CONSTRAINT stop")
    await circulation.tick("bursar-exports")

    told = (await circulation.get(f"/v1/bursar-exports/{export['id']}")).json()
    assert (halfway["state"], halfway["lines"]) == ("running", 1)
    assert (told["state"], told["lines"], told["amount"]) == ("done", 3, 1500)
    assert len(await lines(circulation, export)) == 3
    await money_is_whole(circulation)


async def test_a_payment_and_an_export_at_once_take_a_fee_once(circulation: Harness, make: Make) -> None:
    for _ in range(3):
        patron = await make.patron()
        fee = await charged(make, patron, 500)
        await begin(circulation)

        await asyncio.gather(
            circulation.tick("bursar-exports"),
            circulation.post(f"/v1/fees/{fee['id']}/payments", json={}),
        )

        assert await owed(make, patron) == 0
    await money_is_whole(circulation)


async def test_one_export_to_an_account_is_under_way_at_a_time(circulation: Harness, make: Make) -> None:
    answers = await asyncio.gather(*(begin(circulation) for _ in range(3)))
    unknown = await begin(circulation, account="nobody")
    [export] = [answer.json() for answer in answers if answer.status_code == 202]
    await charged(make, await make.patron(), 500)

    cancelled = await circulation.post(f"/v1/bursar-exports/{export['id']}/cancellations")
    twice = await circulation.post(f"/v1/bursar-exports/{export['id']}/cancellations")
    nowhere = await circulation.post(f"/v1/bursar-exports/{uuid4()}/cancellations")
    await circulation.tick("bursar-exports")

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (422, "account-unknown")
    assert (cancelled.status_code, cancelled.json()["state"]) == (201, "cancelled")
    assert (twice.status_code, nowhere.status_code) == (409, 404)
    assert await lines(circulation, export) == []


async def test_an_export_is_fetched_as_csv_with_decimals_and_no_formulas(
    circulation: Harness, make: Make
) -> None:
    await charged(make, await make.patron(external_id="=HYPERLINK(1)"), 1250)
    export = (await begin(circulation)).json()
    await circulation.tick("bursar-exports")

    answer = await circulation.get(f"/v1/bursar-exports/{export['id']}/lines?format=csv")

    assert answer.headers["content-type"].startswith("text/csv")
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["amount"], row["currency"], row["external_id"]) == ("12.50", "EUR", "'=HYPERLINK(1)")


async def test_exports_are_for_those_who_may_transfer(circulation: Harness, make: Make) -> None:
    with circulation.asking(replace(STAFF, scopes=frozenset({"fees:read", "fees:pay"}))):
        refused = await begin(circulation)
        unseen = await circulation.get(f"/v1/bursar-exports/{uuid4()}/lines")
    with circulation.asking(replace(STAFF, scopes=frozenset({"fees:transfer"}))):
        begun = await begin(circulation)

    assert (refused.status_code, unseen.status_code, begun.status_code) == (403, 403, 202)
