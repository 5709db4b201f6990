"""Whatever clerks do at once, in whatever order: no sum is wrong, and the ledger rebuild finds nothing."""

import asyncio

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.clerks import Buying, office
from support.postgres import TestServer


def test_the_books_are_right_whatever_clerks_do_at_once(server: TestServer) -> None:
    with asyncio.Runner() as runner, office(runner, server) as place:
        run_state_machine_as_test(
            lambda: Buying(place),  # type: ignore[arg-type]  # whatever makes one will do
            settings=settings(
                max_examples=10,
                stateful_step_count=20,
                deadline=None,
                phases=(Phase.reuse, Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
