"""`make cluster` runs what compose.yaml says: every process, its environment, its order and its health check."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from carrel.cluster import COMPOSE, ClusterProblem, Here, Member, members_of, ours

TEXT = COMPOSE.read_text()
LISTED = ours(TEXT)
HERE = Here(
    dsns={
        name: f"postgresql://{name}@here/{name}"
        for name in ("catalog", "circulation", "ill", "erm", "gateway")
    },
    amqp="amqp://here/",
    ports={name: 20_000 + number for number, name in enumerate([*LISTED, "catalog-index"])},
    health_ports={name: 30_000 + number for number, name in enumerate([*LISTED, "catalog-index"])},
    secrets={
        "ERM_SEALING_KEY": "sealing",
        "ILL_SEALING_KEY": "sealing",
        "GATEWAY_SEALING_KEY": "sealing",
        "GATEWAY_ADMIN_KEY": "admin",
    },
    files=Path("/files"),
    logs=Path("/logs"),
)
ROLES = {
    "catalog": {"migrate", "serve", "relay", "consume", "work"},
    "circulation": {"migrate", "serve", "relay", "consume", "work"},
    "ill": {"migrate", "serve", "relay", "consume", "work"},
    "erm": {"migrate", "serve", "relay", "consume", "work"},
    "gateway": {"migrate", "serve", "relay", "consume", "work"},
}


def started(text: str = TEXT) -> dict[str, Member]:
    return members_of(ours(text), HERE)


def changed(change: Callable[[Any], None]) -> dict[str, Member]:
    """What a changed copy of the file would start."""
    copy = yaml.safe_load(TEXT)
    change(copy["services"])
    return started(yaml.safe_dump(copy))


def test_every_role_of_every_service_is_a_process_of_its_own() -> None:
    roles: dict[str, set[str]] = {}
    for member in started().values():
        assert member.command[:2] == [sys.executable, "-m"]
        roles.setdefault(member.command[2], set()).add(member.command[3])

    assert roles == ROLES


def test_z3950_is_answered_where_its_profile_is_asked_for() -> None:
    listed = ours(TEXT, {"z3950"})
    name = "catalog-z3950"
    here = replace(HERE, ports=HERE.ports | {name: 1}, health_ports=HERE.health_ports | {name: 2})

    started = members_of(listed, here)[name]

    assert set(listed) - set(LISTED) == {name}
    assert started.command[3:] == ["z3950", "--health-port", "2"]
    assert (started.env["CATALOG_Z3950_HOST"], started.env["CATALOG_Z3950_PORT"]) == ("127.0.0.1", "1")
    assert started.health is not None
    assert started.health[3] == "http://127.0.0.1:2/health/live"


@pytest.mark.parametrize("name", LISTED)
def test_a_process_gets_the_variables_that_the_file_gives_it_with_local_values(name: str) -> None:
    told, member = LISTED[name], started()[name]

    assert set(member.env) == set(told["environment"])
    service = member.command[2]
    assert member.env[f"{service.upper()}_DATABASE_URL"] == HERE.dsns[service]
    assert member.env[f"{service.upper()}_PORT"] == str(HERE.ports[name])
    assert not [value for value in member.env.values() if "${" in value or "catalog-serve" in value]


@pytest.mark.parametrize("name", [name for name, each in LISTED.items() if "healthcheck" in each])
def test_a_process_is_asked_for_its_health_as_the_file_says(name: str) -> None:
    told, member = LISTED[name]["healthcheck"]["test"], started()[name]

    assert member.health is not None
    assert member.health[:3] == [sys.executable, "-m", "chassis.healthy"]
    port = HERE.ports[name] if ":8000" in told[-1] else HERE.health_ports[name]
    assert member.health[3] == f"http://127.0.0.1:{port}/health/{told[-1].rsplit('/', 1)[1]}"
    assert name.endswith("serve") or name == "gateway" or str(port) in member.command


def test_a_service_waits_for_its_migrations_and_the_gateway_for_those_behind_it() -> None:
    members = started()

    assert members["catalog-serve"].after == {"catalog-migrate": "service_completed_successfully"}
    assert {name for name, how in members["gateway"].after.items() if how == "service_healthy"} == {
        "catalog-serve",
        "circulation-serve",
        "ill-serve",
        "erm-serve",
    }
    assert all(member.once == name.endswith("-migrate") for name, member in members.items())


def test_another_variable_in_the_file_is_another_variable_of_the_process() -> None:
    def more(services: Any) -> None:
        services["catalog-work"]["environment"]["CATALOG_LOG_LEVEL"] = "DEBUG"

    assert changed(more)["catalog-work"].env["CATALOG_LOG_LEVEL"] == "DEBUG"


def test_another_command_or_health_check_in_the_file_is_another_one_here() -> None:
    def other(services: Any) -> None:
        services["catalog-relay"]["command"] = ["python", "-m", "catalog", "work", "--health-port", "8001"]
        services["catalog-relay"]["healthcheck"]["test"] = ["CMD", "true"]

    member = changed(other)["catalog-relay"]
    assert member.command[3:] == ["work", "--health-port", str(HERE.health_ports["catalog-relay"])]
    assert member.health == ["true"]


def test_a_process_added_to_the_file_or_taken_from_it_is_started_or_not() -> None:
    def one_for_another(services: Any) -> None:
        services["catalog-index"] = services.pop("catalog-work")

    assert set(changed(one_for_another)) == set(LISTED) - {"catalog-work"} | {"catalog-index"}


def test_a_secret_that_nobody_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBRARY_SECRET", raising=False)

    def wants(services: Any) -> None:
        services["gateway"]["environment"]["GATEWAY_X"] = "${LIBRARY_SECRET:?long and random}"

    with pytest.raises(ClusterProblem, match="LIBRARY_SECRET is not set: long and random"):
        changed(wants)
