"""A command in one asyncpg transaction that is done once, however often it is asked for."""

from collections.abc import Awaitable, Callable

import asyncpg
import orjson
from pydantic import BaseModel
from starlette.responses import Response

from chassis.database import Connection
from chassis.edge import InFlight, Once, StoredAnswer, checked

Act = Callable[[Connection], Awaitable[tuple[int, BaseModel, dict[str, str]]]]


TRIES = 3
"""Of whoever is a deadlock's victim: nothing of it was written."""


async def whole(pool: asyncpg.Pool, once: Once, act: Act) -> Response:
    """Claim the key, act, keep the answer, commit; the stored answer when it was done before.

    A duplicate in flight waits for the first to end (five seconds at most, then `InFlight`). A deadlock's victim acts
    again, so that `act` must not count how often it is called.
    """
    for _ in range(TRIES):
        try:
            return await _tried(pool, once, act)
        except asyncpg.DeadlockDetectedError:
            continue
        except asyncpg.LockNotAvailableError as error:
            raise InFlight from error
    raise InFlight


async def _tried(pool: asyncpg.Pool, once: Once, act: Act) -> Response:
    async with pool.acquire() as connection, connection.transaction():
        claimed = await connection.fetchval(
            "INSERT INTO idempotency (principal, key, fingerprint) VALUES ($1, $2, $3) "
            "ON CONFLICT DO NOTHING RETURNING true",
            once.principal,
            once.key,
            once.fingerprint,
        )
        if not claimed:
            row = await connection.fetchrow(
                "SELECT fingerprint, status, headers, body FROM idempotency WHERE principal = $1 AND key = $2",
                once.principal,
                once.key,
            )
            if row is None:
                raise InFlight
            checked(row["fingerprint"], once)
            return StoredAnswer(row["status"], orjson.loads(row["headers"]), bytes(row["body"])).response()
        status, told, headers = await act(connection)
        stored = StoredAnswer(
            status, {"content-type": "application/json", **headers}, told.model_dump_json().encode()
        )
        await connection.execute(
            "UPDATE idempotency SET status = $3, headers = $4, body = $5 WHERE principal = $1 AND key = $2",
            once.principal,
            once.key,
            stored.status,
            orjson.dumps(stored.headers).decode(),
            stored.body,
        )
    return Response(stored.body, stored.status, stored.headers)
