"""What starts quickly because it leaves out what it does not need."""

import subprocess
import sys

import pytest

import catalog.app
import circulation.app
import erm.app
import gateway.app
import ill.app
from carrel.kits import SYSTEMS
from carrel.kits.running import KITS
from chassis.resources import Service
from chassis.roles import bare_service
from contracts.events import event_types

HEAVY = {"alembic", "catalog", "circulation", "erm", "fastapi", "gateway", "ill", "sqlalchemy", "sqlmodel"}


def test_the_command_and_the_supervisor_begin_without_what_only_services_need() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, carrel.command, carrel.up, carrel.demo.first_start; print(*sys.modules)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )

    assert {name.partition(".")[0] for name in told.stdout.split()} & HEAVY == set()


RARE = {"babel", "httpcore", "ldap3", "opentelemetry.sdk", "PIL", "psutil", "rich", "webauthn"}
"""What only rare requests need: each is read when the first of them comes."""
STARTED = """
import importlib, sys
from chassis import declaring, deferring
deferring.models()
deferring.terminals()
if sys.argv[1] != "carrel.serving":
    declaring.nothing()
importlib.import_module(sys.argv[1])
print(*sys.modules)
"""


@pytest.mark.parametrize("process", ["carrel.serving", "carrel.background", "carrel.z3950"])
def test_a_process_of_the_box_begins_without_what_only_rare_requests_need(process: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", STARTED, process], check=True, capture_output=True, text=True
    )

    assert set(told.stdout.split()) & RARE == set()


def test_the_command_names_every_kit() -> None:
    assert tuple(KITS) == SYSTEMS


@pytest.mark.parametrize(
    "whole",
    [each.app.SERVICE for each in (catalog, circulation, erm, gateway, ill)],
    ids=lambda each: each.name,
)
def test_a_relay_and_a_migration_know_the_service_without_its_parts(whole: Service) -> None:
    bare = bare_service(whole.name)

    assert (bare.name, bare.settings, bare.migrations) == (whole.name, whole.settings, whole.migrations)
    assert not bare.subscriptions


KNOWN = """
import sys
from chassis.roles import bare_service
from contracts.events import event_types
from contracts.events import event_types
bare_service(sys.argv[1])
print(*(kind.type for kind in event_types()))
print(f"{sys.argv[1]}.app" in sys.modules)
"""


@pytest.mark.parametrize("name", ["catalog", "circulation", "erm", "gateway", "ill"])
def test_a_relay_knows_every_event_that_its_service_tells(name: str) -> None:
    told = subprocess.run([sys.executable, "-c", KNOWN, name], check=True, capture_output=True, text=True)
    types, whole = told.stdout.splitlines()

    assert {kind.type for kind in event_types() if kind.type.startswith(f"{name}.")} <= set(types.split())
    assert whole == "False"
