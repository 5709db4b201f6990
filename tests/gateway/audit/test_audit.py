"""Who knocked is written down: whatever changed something, and whoever was turned away."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from chassis import problems
from chassis.principal import Principal
from chassis.problems import NotFound
from gateway.audit.journal import STRANGERS
from support.box import until
from support.front import OPERATOR, Echo, Front, bearer, fronting


async def entries(gateway: Front, query: str = "") -> list[dict[str, Any]]:
    await gateway.app.state.journal.flush()
    answer = await gateway.get(f"/v1/audit{query}", headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_unsafe_requests_and_refusals_are_written_and_reading_is_not(gateway: Front) -> None:
    await gateway.get("/v1/loans", headers=bearer(OPERATOR))
    await gateway.post("/v1/loans?patron=somebody", json={}, headers=bearer(OPERATOR))
    await gateway.get("/v1/clients")
    await gateway.get("/v1/clients", headers=bearer("crl_no"))

    told = [(e["actor"], e["method"], e["path"], e["status"]) for e in await entries(gateway)]

    assert told == [
        ("anonymous:-", "GET", "/v1/clients", 401),
        ("anonymous:-", "GET", "/v1/clients", 401),
        ("staff:operator", "POST", "/v1/loans", 200),
    ]


async def test_no_secret_and_no_query_stands_in_the_audit(gateway: Front) -> None:
    body = {"username": "nobody", "password": "a secret word of mine"}
    await gateway.client.post("/v1/sessions?q=what-i-read", json=body)
    await gateway.client.post("/v1/sessions?password=a-secret", json=body)

    rows = await entries(gateway)

    assert [row["status"] for row in rows] == [400, 401]
    assert "secret" not in str(rows)
    assert "what-i-read" not in str(rows)


async def test_an_entry_names_the_trace_of_its_request(gateway: Front) -> None:
    answer = await gateway.post("/v1/loans", json={}, headers=bearer(OPERATOR))

    (entry,) = await entries(gateway)
    assert entry["traceparent"] == answer.headers["traceparent"]


async def test_odd_paths_do_not_stop_the_audit(gateway: Front) -> None:
    await gateway.client.post("/v1/%00%ed%a0%80/\u00fc")
    await gateway.client.post("/v1/" + "x" * 3000)

    rows = await entries(gateway)

    assert len(rows) == 2
    assert all(len(row["path"]) <= 500 for row in rows)


async def test_entries_are_found_by_actor_and_page_by_page(gateway: Front) -> None:
    for number in range(5):
        await gateway.post(f"/v1/loans/{number}", json={}, headers=bearer(OPERATOR))
    await gateway.get("/v1/clients")
    await gateway.app.state.journal.flush()

    seen, path = [], "/v1/audit?actor=staff:operator&limit=2"
    while path:
        answer = await gateway.get(path, headers=bearer(OPERATOR))
        seen += [entry["path"] for entry in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")

    assert seen == [f"/v1/loans/{number}" for number in (4, 3, 2, 1, 0)]


async def test_only_auditors_read_the_audit(gateway: Front) -> None:
    token = await gateway.token("titles:read")

    assert (await gateway.get("/v1/audit")).status_code == 401
    assert (await gateway.get("/v1/audit", headers=bearer(token))).status_code == 403


async def test_entries_wait_for_a_lost_database_and_a_repeated_batch_does_no_harm(gateway: Front) -> None:
    journal, pool = gateway.app.state.journal, gateway.resources.pool
    await gateway.post("/v1/loans", json={}, headers=bearer(OPERATOR))
    batch = list(journal._held) or [tuple(row) for row in await pool.fetch("SELECT * FROM audit_entry")]
    await journal.flush()

    async with pool.acquire() as connection:
        await connection.execute("ALTER TABLE audit_entry RENAME TO elsewhere")
    await gateway.post("/v1/loans/2", json={}, headers=bearer(OPERATOR))
    await journal.flush()
    async with pool.acquire() as connection:
        await connection.execute("ALTER TABLE elsewhere RENAME TO audit_entry")
    await journal.flush()
    journal._held = batch
    await journal.flush()

    assert [entry["path"] for entry in await entries(gateway)] == ["/v1/loans/2", "/v1/loans"]


async def test_a_flood_of_strangers_fills_no_table(gateway: Front) -> None:
    await gateway.app.state.journal.flush()
    for _ in range(3 * STRANGERS):
        await gateway.get("/v1/clients")
    await gateway.post("/v1/loans", json={}, headers=bearer(OPERATOR))

    told = await entries(gateway, "?limit=500")

    assert STRANGERS <= sum(entry["status"] == 401 for entry in told) <= 2 * STRANGERS
    assert [entry["path"] for entry in told if entry["actor"] == "staff:operator"] == ["/v1/loans"]


async def test_addresses_are_forgotten_after_a_month_and_entries_after_a_year(gateway: Front) -> None:
    now = datetime.now(UTC)
    for age in (0, 31, 366):
        gateway.at(now - timedelta(days=age))
        await gateway.post(f"/v1/loans/{age}", json={}, headers=bearer(OPERATOR))
    gateway.at(now)
    await gateway.app.state.journal.flush()

    await gateway.tick("forget-audit")

    told = {entry["path"]: entry["address"] for entry in await entries(gateway)}
    assert told == {"/v1/loans/0": "127.0.0.1", "/v1/loans/31": None}


async def test_a_fault_in_one_batch_does_not_end_the_audit(
    gateway: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = gateway.app.state.journal
    broke = asyncio.Event()

    async def broken() -> None:
        broke.set()
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(journal, "flush", broken)
        async with asyncio.timeout(5):
            await broke.wait()

    await gateway.post("/v1/loans", json={}, headers=bearer(OPERATOR))

    async def written() -> bool:
        return bool(
            await gateway.resources.pool.fetchval("SELECT count(*) FROM audit_entry WHERE path = '/v1/loans'")
        )

    await until(written, seconds=5)


class Absent(Echo):
    """A service that has nothing of what is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problems.render(NotFound("There is no such thing."))(scope, receive, send)


async def test_t25_staff_of_some_libraries_who_find_no_patron_are_written_down(gateway_dsn: str) -> None:
    async with fronting(gateway_dsn, apps={"circulation": Absent(), "catalog": Absent()}) as gateway:
        mint, pool = gateway.app.state.mint, gateway.resources.pool
        await pool.execute("UPDATE signing_key SET signs_from = signs_from - interval '2 days'")
        await mint.keys(fresh=True)
        for ref, libraries in (("law", frozenset({"LAW"})), ("all", None)):
            who = Principal("staff", ref, frozenset({"patrons:read"}), libraries=libraries)
            token = (await mint.access_token(who, now=datetime.now(UTC)))[0]
            for path in ("/v1/patrons/01890000-0000-7000-8000-00000000dead", "/v1/items/none"):
                await gateway.get(path, headers=bearer(token))

        told = [(e["actor"], e["path"], e["status"]) for e in await entries(gateway)]

    assert told == [("staff:law", "/v1/patrons/01890000-0000-7000-8000-00000000dead", 404)]
