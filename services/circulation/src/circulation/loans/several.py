"""Several acts in one request: each is decided on its own, and one that is refused spoils no other.

Each act is done once under a key of its own, made of the request's; the whole answer is kept at the end under
the request's. Who repeats a request that broke off half way gets what was done before, and the rest is done.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from chassis.edge import InFlight, Once, StoredAnswer, checked
from chassis.problems import Invalid, NotFound, Problem, ProblemOut, Refused
from circulation.loans.races import persistently

Act = Callable[[Once], Awaitable[Response]]

SPOILS_NO_OTHER = (Refused, NotFound, Invalid)


class RefusalOut(ProblemOut):
    """Why one of several acts was not done, as it would be told if it had been asked for alone."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of several acts: its answer, or the problem."""

    body: bytes | None = None
    problem: Problem | None = None

    def refusal(self) -> RefusalOut | None:
        """The problem on the wire."""
        return None if self.problem is None else RefusalOut.model_validate(self.problem.as_json())


async def outcome_of(act: Act, once: Once) -> Outcome:
    """Do one act; what stands against it is its outcome, a reused key or a busy moment is the request's."""
    try:
        return Outcome(body=bytes((await persistently(lambda: act(once))).body))
    except SPOILS_NO_OTHER as problem:
        if isinstance(problem, InFlight) or problem.code == "idempotency-key-reused":
            raise
        return Outcome(problem=problem)


async def one_by_one(
    pool: asyncpg.Pool,
    once: Once,
    acts: Sequence[tuple[str, Act]],
    answer: Callable[[list[Outcome]], BaseModel],
) -> Response:
    """Do named acts in order, and answer with what became of each; the same answer when it is asked again."""
    if (known := await _kept(pool, once)) is not None:
        return known
    outcomes = [
        await outcome_of(act, Once(once.principal, f"{once.key}/{name}", once.fingerprint))
        for name, act in acts
    ]
    stored = StoredAnswer(
        200, {"content-type": "application/json"}, answer(outcomes).model_dump_json().encode()
    )
    mine = await pool.fetchval(
        "INSERT INTO idempotency (principal, key, fingerprint, status, headers, body) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true",
        once.principal,
        once.key,
        once.fingerprint,
        stored.status,
        orjson.dumps(stored.headers).decode(),
        stored.body,
    )
    if not mine and (known := await _kept(pool, once)) is not None:
        return known  # a duplicate in flight was faster; what it was told is what is told
    return Response(stored.body, stored.status, stored.headers)


async def _kept(pool: asyncpg.Pool, once: Once) -> Response | None:
    row = await pool.fetchrow(
        "SELECT fingerprint, status, headers, body FROM idempotency WHERE principal = $1 AND key = $2",
        once.principal,
        once.key,
    )
    if row is None:
        return None
    checked(row["fingerprint"], once)
    return StoredAnswer(row["status"], orjson.loads(row["headers"]), bytes(row["body"])).response()
