"""However much was sent and waits, whatever is asked of it goes by an index."""

import re
from typing import Any

from asyncpg.connection import LoggedQuery
from sqlalchemy import event

from support.library_events import CHECKED_IN, checked_in
from support.receiving import Hooks

MANY = """
INSERT INTO webhook_delivery (id, webhook_id, kind, message_id, type, key, position, body, created_at, state, due_at,
    since, tries, failures, ended_at)
SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN $1::uuid ELSE gen_random_uuid() END, 'event', 'old-' || n, 'x',
    'circulation/' || n % 3000, n, '{}', now() - n * interval '1 minute', s.state,
    CASE WHEN s.state = 'pending' AND n < 20000 THEN now() + interval '1 hour' END, now(), 1, 0,
    CASE WHEN s.state <> 'pending' THEN now() END
FROM generate_series(1, 30000) AS n, LATERAL (SELECT CASE WHEN n % 10 < 5 THEN 'delivered' WHEN n % 10 = 6 THEN 'failed'
    ELSE 'pending' END AS state) AS s
"""
TRIES = """
INSERT INTO webhook_try (delivery_id, number, at, took_ms, status)
SELECT id, 1, created_at, 5, 200 FROM webhook_delivery ON CONFLICT DO NOTHING
"""
ASKED = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)")
LARGE = ("webhook_delivery", "webhook_try")


async def test_whatever_is_asked_of_deliveries_goes_by_an_index(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    pool = hooks.gateway.resources.pool
    await pool.execute(MANY, made["id"])
    await pool.execute(TRIES)
    await pool.execute("ANALYZE")
    asked: dict[str, Any] = {}

    def note(query: LoggedQuery) -> None:
        several = bool(query.args) and isinstance(query.args, list)
        asked.setdefault(query.query, query.args[0] if several else query.args)

    def note_too(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.setdefault(statement, parameters)

    connections = [await pool.acquire() for _ in range(pool.get_max_size() - 1)]  # one listens
    for connection in connections:
        connection.add_query_logger(note)
        await pool.release(connection)
    engine = hooks.gateway.resources.sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note_too)
    hooks.circulation.tell(checked_in(), checked_in())
    await hooks.deliver()
    await hooks.told(made)
    for state in ({}, {"state": "failed"}):
        page = await hooks.ask("GET", f"/v1/webhooks/{made['id']}/deliveries", params={**state, "limit": 5})
        last = page.json()["items"][-1]
        await hooks.ask(
            "GET", f"/v1/webhooks/{made['id']}/deliveries", params={"cursor": page.json()["next_cursor"]}
        )
    await hooks.history(made, last["id"])
    await hooks.ask("POST", f"/v1/webhooks/{made['id']}/deliveries/{last['id']}/resends")
    await hooks.ask("POST", f"/v1/webhooks/{made['id']}/replays", json={"after": "eyJjaXJjdWxhdGlvbiI6MX0"})
    await hooks.deliver()
    await hooks.gateway.tick("look-after-webhooks")
    await hooks.gateway.tick("forget-webhooks")
    event.remove(engine, "before_cursor_execute", note_too)

    looked_at = 0
    for statement, arguments in list(asked.items()):
        if ASKED.match(statement) and any(table in statement for table in LARGE):
            plan = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *(arguments or ()))
            looked_at += 1
            for node in nodes(plan[0]["Plan"]):
                whole = node["Node Type"] == "Seq Scan" and node.get("Relation Name") in LARGE
                assert not whole, statement
    assert looked_at >= 15


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan's parts."""
    return [plan, *(each for part in plan.get("Plans", ()) for each in nodes(part))]
