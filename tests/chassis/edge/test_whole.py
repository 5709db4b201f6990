"""A command that is done whole, and once."""

import asyncio

from pydantic import BaseModel

from chassis.database import Connection
from chassis.edge import Once
from chassis.once import Act, whole
from support.harness import Harness


class Done(BaseModel):
    """That it was."""


async def test_of_two_who_lock_crosswise_the_victim_acts_again_and_both_are_answered(tiny: Harness) -> None:
    met, tries = asyncio.Barrier(2), list[int]()

    def act(mine: int, theirs: int) -> Act:
        async def locking(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
            tries.append(mine)
            await connection.execute("SELECT pg_advisory_xact_lock($1)", mine)
            if tries.count(mine) == 1:
                await met.wait()
            await connection.execute("SELECT pg_advisory_xact_lock($1)", theirs)
            return 200, Done(), {}

        return locking

    answers = await asyncio.gather(
        *(
            whole(tiny.resources.pool, Once("staff:x", f"key {mine}", b"print"), act(mine, theirs))
            for mine, theirs in ((1, 2), (2, 1))
        )
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(tries) == 3
