"""Journey 2: the broker goes away. The desk goes on; what needs two services waits, says so, and settles."""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from carrel.cluster import Distributed, distributed
from carrel.installation import Installation
from catalog.marc.generate import generate
from support.acquiring import Buyer
from support.box import Library, until
from support.postgres import reachable_folder
from support.rabbitmq import Broker
from support.university import CATALOG, CIRCULATION

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RECORDS = 300
KILLS = int(os.environ.get("CARREL_KILLS", "7"))
"""Processes killed in the suite's own run; `CARREL_KILLS=200` for the long one."""
DESKS = 5

ORDERED = 500
"""Copies that are bought meanwhile, at most: on a slow machine, more would be asked for than were ordered."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(broker: Broker) -> AsyncIterator[Distributed]:
    """Every role of every service as its own process, on RabbitMQ; some twenty, that take their time to start."""
    folder = reachable_folder("carrel-cluster-")
    try:
        async with distributed(Installation(folder), broker=broker) as made:
            await made.start()
            yield made
    finally:
        for log in sorted(folder.glob("logs/*.log")):
            if words := log.read_text(errors="replace"):
                print(f"{log.name}: …{words[-1500:]}")
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(cluster: Distributed) -> AsyncIterator[Library]:
    """The cluster's front door, with records and patrons."""
    opened = Library(cluster.url, cluster.admin_key)
    await opened.put("/v1/configuration/catalog", CATALOG)
    await opened.put("/v1/configuration/circulation", CIRCULATION)
    made = b"".join(one.raw for one in generate(RECORDS, seed=11))
    job = await opened.imported(made, profile="standard")
    assert job["counts"]["created"] == RECORDS
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def buyer(library: Library) -> Buyer:
    """The library's money, and where it buys."""
    return await Buyer.of(library)


async def level(cluster: Distributed) -> bool:
    """Whether no event waits anywhere."""
    return await _waiting(cluster) == 0


async def _waiting(cluster: Distributed) -> int:
    waiting = 0
    for name in ("catalog", "circulation", "erm"):
        connection = await asyncpg.connect(cluster.dsns[name])
        try:
            waiting += await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        finally:
            await connection.close()
    return waiting


async def test_the_desk_goes_on_without_the_broker(
    cluster: Distributed, library: Library, buyer: Buyer, broker: Broker
) -> None:
    await until(lambda: level(cluster), seconds=30)
    await until(lambda: _reconciled(cluster), seconds=30)
    desk = (await library.get("/v1/service-points"))["items"][0]["id"]
    items = (await library.get("/v1/items", limit=10))["items"]
    patron = await library.post("/v1/patrons", {"group": "student", "family_name": "Reader", "barcode": "R1"})
    waiter = await library.post("/v1/patrons", {"group": "student", "family_name": "Waiter", "barcode": "W1"})
    twin = await library.post("/v1/patrons", {"group": "student", "family_name": "Reader", "barcode": "R2"})
    await library.post(f"/v1/patrons/{waiter['id']}/guarantors", {"guarantor_id": twin["id"]})
    account = await library.post(
        "/v1/accounts",
        {
            "username": "reader",
            "password": "a long enough one",
            "roles": ["patron"],
            "patron_id": twin["id"],
        },
    )
    await until(lambda: _stale(library, False), seconds=20)

    line = await buyer.ordered(2)

    broker.stop()

    lent = {"patron_id": patron["id"], "item_id": items[0]["id"], "service_point_id": desk}
    loan = await library.post("/v1/loans", lent | {"lent_at": "2026-01-05T10:00:00Z"})
    await library.post(
        "/v1/holds", {"patron_id": waiter["id"], "title_id": items[0]["title_id"], "pickup_id": desk}
    )
    back = await library.post(
        "/v1/returns", {"item_id": items[0]["id"], "service_point_id": desk}, expect=200
    )
    assert back["next_step"]["step"] == "hold-shelf"
    await library.post(f"/v1/fees/{back['fee_id']}/payments", {})
    asked = await library.post(f"/v1/items/{items[1]['id']}/withdrawals", {"reason": "worn"}, expect=202)
    assert (await library.get(f"/v1/withdrawals/{asked['id']}"))["state"] == "requested"
    copy = await buyer.received(line, "BOUGHT-BEFORE")
    await buyer.paid(line)
    assert await buyer.state(copy) == "asked"
    killed = [cluster.members[name] for name in ("erm-relay", "catalog-consume")]
    for member in killed:  # who is to tell of the copy, and who is to hear of it
        member.kill()
        assert member.process is not None
        await member.process.wait()
    await library.post(f"/v1/patrons/{patron['id']}/merges", {"merged": [twin["id"]]})
    assert (await library.get(f"/v1/patrons/{patron['id']}/wards"))["items"][0]["ward_id"] == waiter["id"]
    assert (await library.get(f"/v1/accounts/{account['id']}"))["patron_id"] == twin["id"]
    await until(lambda: _stale(library, True), seconds=20)
    assert await _waiting(cluster) > 0

    broker.start()  # not in a thread: the node would end with it
    for member in killed:
        await member.start()

    await until(lambda: level(cluster), seconds=60)
    await until(lambda: _withdrawn(library, asked["id"]), seconds=60)
    await until(lambda: buyer.is_in_process(copy), seconds=60)
    assert len((await library.get("/v1/items", barcode="BOUGHT-BEFORE"))["items"]) == 1
    await _lent_and_credited(library, buyer, line, copy, lent)
    await until(lambda: _stale(library, False), seconds=30)
    await until(lambda: _reconciled(cluster), seconds=30)
    assert (await library.get(f"/v1/loans/{loan['id']}"))["version"] == 2
    await until(lambda: _signs_in_as(library, account["id"], patron["id"]), seconds=30)
    await until(lambda: _is_known_elsewhere(cluster, twin["id"], as_=patron["id"]), seconds=30)


async def _lent_and_credited(
    library: Library, buyer: Buyer, line: dict[str, Any], copy: dict[str, Any], loan: dict[str, Any]
) -> None:
    """The bought copy is catalogued and lent; the second comes, is paid, goes back, and is credited."""
    item = await buyer.catalogued(copy)

    async def is_lent() -> bool:
        answer = await library.http.post(
            "/v1/loans",
            json=loan | {"item_id": item},
            headers={"Idempotency-Key": f"k{random.getrandbits(64)}"},
        )
        return answer.status_code == 201

    await until(is_lent, seconds=30)
    second = await buyer.received(line, "BOUGHT-MEANWHILE")
    await buyer.paid(line)
    await until(lambda: buyer.is_in_process(second), seconds=60)
    await library.post(f"/v1/receipts/{second['id']}/actions", {"action": "undo"}, expect=200)

    async def is_undone() -> bool:
        return await buyer.state(second) == "undone"

    await until(is_undone, seconds=60)
    await buyer.paid(line, "-10.00", -1)
    told = await library.get(f"/v1/order-lines/{line['id']}")
    assert (told["received"], told["paid"]) == (1, 1)
    assert await buyer.differences() == []


async def test_nothing_acknowledged_is_lost_when_processes_are_killed(
    cluster: Distributed, library: Library, buyer: Buyer
) -> None:
    chance = random.Random(5)
    desk = (await library.get("/v1/service-points"))["items"][0]["id"]
    patrons = [
        (await library.post("/v1/patrons", {"group": "student", "family_name": "Other"}))["id"]
        for _ in range(DESKS)
    ]
    await until(lambda: _reconciled(cluster), seconds=60)
    items = (await library.get("/v1/items", limit=200))["items"][10:]
    offered = {item["id"] for item in items}
    acknowledged: dict[str, bool] = {}
    stop = asyncio.Event()
    line = await buyer.ordered(ORDERED)
    bought: list[str] = []

    async def desk_work(place: int) -> None:
        """One of several desks, with items and a patron of its own: they find each other in the middle of a rush."""
        while not stop.is_set():
            item = chance.choice(items[place::DESKS])["id"]
            out = acknowledged.get(item, False)
            path = "/v1/returns" if out else "/v1/loans"
            body = {"item_id": item, "service_point_id": desk} | (
                {} if out else {"patron_id": patrons[place]}
            )
            if await _insisted(library, path, body, stop):
                acknowledged[item] = not out

    async def buying() -> None:
        while not stop.is_set() and len(bought) < ORDERED:
            barcode = f"BOUGHT-{len(bought)}"
            body = {"quantity": 1, "barcodes": [barcode]}
            if await _insisted(library, f"/v1/order-lines/{line['id']}/receipts", body, stop):
                bought.append(barcode)
            await asyncio.sleep(0.1)

    workers = asyncio.gather(*map(desk_work, range(DESKS)), buying())
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        victim = chance.choice(cluster.lasting)
        victim.kill()
        assert victim.process is not None
        await victim.process.wait()
        await victim.start()
        await victim.healthy()
    stop.set()
    await workers

    await until(lambda: level(cluster), seconds=60)
    await until(lambda: _reconciled(cluster), seconds=60)
    connection = await asyncpg.connect(cluster.dsns["circulation"])
    try:
        rows = await connection.fetch("SELECT item_id FROM loan WHERE returned_at IS NULL")
        gaps = await connection.fetch(
            "SELECT envelope::jsonb->>'subject' AS subject, count(*), max((envelope::jsonb->>'sequence')::int) "
            "FROM outbox WHERE type LIKE 'circulation.loan-%' GROUP BY 1 "
            "HAVING count(*) <> max((envelope::jsonb->>'sequence')::int)"
        )
    finally:
        await connection.close()
    out_now = {str(row["item_id"]) for row in rows} & offered
    assert out_now == {item for item, out in acknowledged.items() if out}
    assert gaps == []
    await until(lambda: buyer.all_in_process(line, bought), seconds=60)
    assert await buyer.differences() == []


async def _insisted(library: Library, path: str, body: dict[str, Any], stop: asyncio.Event) -> bool:
    """The same request with the same key until it is answered for good; whether it was done."""
    key = f"k{random.getrandbits(64)}"
    while True:
        try:
            answer = await library.http.post(path, json=body, headers={"Idempotency-Key": key}, timeout=10)
        except Exception:
            await asyncio.sleep(0.1)
            continue
        if answer.status_code in (200, 201):
            return True
        if answer.status_code < 500 and answer.json().get("code") != "in-flight":
            raise AssertionError(answer.text)
        await asyncio.sleep(0.1)


async def _stale(library: Library, wanted: bool) -> bool:
    told = await library.get("/v1/titles", limit=1)
    return bool(told["availability"]["stale"]) is wanted


async def _signs_in_as(library: Library, account_id: str, patron_id: str) -> bool:
    return bool((await library.get(f"/v1/accounts/{account_id}"))["patron_id"] == patron_id)


async def _is_known_elsewhere(cluster: Distributed, merged_id: str, *, as_: str) -> bool:
    """Whether interlibrary loan, too, takes a registration that was merged for the surviving one."""
    connection = await asyncpg.connect(cluster.dsns["ill"])
    try:
        known = await connection.fetchval(
            "SELECT patron_ref FROM merged_patron WHERE merged_ref = $1::uuid", merged_id
        )
    finally:
        await connection.close()
    return str(known) == as_


async def _withdrawn(library: Library, withdrawal_id: str) -> bool:
    told = await library.get(f"/v1/withdrawals/{withdrawal_id}")
    return bool(told["state"] == "done")


async def _reconciled(cluster: Distributed) -> bool:
    """Whether owner and copy agree: every item's facts in circulation, every item's state in catalog."""
    catalog, circulation = [await asyncpg.connect(cluster.dsns[name]) for name in ("catalog", "circulation")]
    try:
        facts = "SELECT id, version, barcode, {base} FROM item ORDER BY id"
        owned = await catalog.fetch(facts.format(base="base_state AS base"))
        kept = await circulation.fetch(facts.format(base="base"))
        told = await catalog.fetch("SELECT item_id, state FROM item_availability")
        states = {row["id"]: row["state"] for row in await circulation.fetch("SELECT id, state FROM item")}
    finally:
        await catalog.close()
        await circulation.close()
    print(f"{len(owned)} items in catalog, {len(kept)} in circulation, {len(told)} told of")
    same = [tuple(row) for row in owned] == [tuple(row) for row in kept]
    return same and all(states.get(row["item_id"]) == row["state"] for row in told)
