"""A process that answers no requests declares no routes."""

import json
import subprocess
import sys

import pytest

from chassis import declaring
from chassis.application import new_router

ROLE = """
import json, sys
from chassis import declaring
if sys.argv[1] != "serve":
    declaring.nothing()
from ill.app import SERVICE
from ill.requests.routes import router
print(json.dumps([len(router.routes), len(SERVICE.timers) > 3]))
"""


def test_what_would_have_answered_stays_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "_declares", False)
    router = new_router("/v1/things", tag="things")

    @router.get("/{number}")
    def read_thing(number: int) -> int:
        return number + 1

    assert router.routes == []
    assert read_thing(1) == 2


@pytest.mark.parametrize(("role", "routes"), [("serve", True), ("work", False)])
def test_a_service_has_its_timers_in_every_role_and_routes_where_it_serves(role: str, routes: bool) -> None:
    told = subprocess.run([sys.executable, "-c", ROLE, role], capture_output=True, text=True, check=True)

    count, timers = json.loads(told.stdout)
    assert (count > 0, timers) == (routes, True)
