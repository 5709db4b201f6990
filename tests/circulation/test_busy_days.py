"""What stays true however the desks are used: many hands at once, in any order, and asked again."""

import asyncio

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.busy import BusyDays, building
from support.postgres import TestServer


def test_busy_days_leave_everything_as_it_must_be(server: TestServer) -> None:
    with asyncio.Runner() as runner, building(runner, server) as library:
        run_state_machine_as_test(
            lambda: BusyDays(library),  # type: ignore[arg-type]  # whatever makes one will do
            settings=settings(
                max_examples=22,
                stateful_step_count=40,
                deadline=None,
                phases=(Phase.reuse, Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
