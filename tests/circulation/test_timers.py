"""Timers as a new library has them: on from the first start, with nothing configured yet."""

import pytest

from circulation.app import SERVICE
from support.harness import Harness


@pytest.mark.parametrize("timer", [timer.name for timer in SERVICE.timers])
async def test_no_timer_fails_before_anything_is_configured(circulation: Harness, timer: str) -> None:
    await circulation.tick(timer)

    told = await circulation.resources.pool.fetch("SELECT last_run_at, last_error FROM lease")
    assert [row["last_error"] for row in told] == [None]
    assert told[0]["last_run_at"] is not None
