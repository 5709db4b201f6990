"""What stays true however the desks are used: many hands at once, in any order, and asked again."""

import asyncio
import logging

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from circulation.app import SERVICE
from support.busy import Building, BusyDays, opened
from support.harness import migrated, running
from support.postgres import TestServer


def test_busy_days_leave_everything_as_it_must_be(server: TestServer) -> None:
    with asyncio.Runner() as runner:
        template = runner.run(server.template("circulation", lambda dsn: migrated(SERVICE, dsn)))
        dsn = runner.run(server.clone(template))
        house = running(SERVICE, dsn)
        circulation = runner.run(house.__aenter__())
        building = Building(runner, runner.run(opened(circulation)))
        logging.getLogger().addHandler(building.faults)
        try:
            run_state_machine_as_test(
                lambda: story(building),
                settings=settings(
                    max_examples=40,
                    stateful_step_count=40,
                    deadline=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            logging.getLogger().removeHandler(building.faults)
            runner.run(house.__aexit__(None, None, None))
            runner.run(server.drop(dsn))


def story(building: Building) -> BusyDays:
    """A new story in the same building."""
    machine = BusyDays()
    machine.building = building
    return machine
