"""A wrong setting ends the start with one line that names it; importing reads nothing."""

import subprocess
import sys

import pytest

from chassis.settings import load
from support.tiny import Settings

RIGHT = {"TINY_DATABASE_URL": "postgresql://tiny:s3cret@db/tiny", "TINY_TRANSPORT_URL": "amqp://broker/"}


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **changed: str | None
) -> str:
    for name, value in (RIGHT | changed).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("\n")
    assert told.err.count("\n") == 1
    return told.err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TINY_DATABASE_URL", None, "TINY_DATABASE_URL: Field required"),
        ("TINY_DATABASE_URL", "mysql://tiny:s3cret@db/tiny", "TINY_DATABASE_URL: begin with postgresql://"),
        (
            "TINY_DATABASE_URL",
            "postgresql://tiny:s3cret@db:port/tiny",
            "TINY_DATABASE_URL: the port is no number",
        ),
        ("TINY_DATABASE_URL", "postgresql://tiny:s3cret@[db/tiny", "TINY_DATABASE_URL: "),
        ("TINY_TRANSPORT_URL", "kafka://s3cret@broker", "TINY_TRANSPORT_URL: begin with amqp://"),
        ("TINY_PORT", "eighty", "TINY_PORT: Input should be a valid integer"),
        ("TINY_PORT", "65536", "TINY_PORT: Input should be less than or equal to 65535"),
        ("TINY_POOL_SIZE", "0", "TINY_POOL_SIZE: Input should be greater than or equal to 2"),
        ("TINY_POOL_SIZE", "8.5", "TINY_POOL_SIZE: "),
        ("TINY_LOG_LEVEL", "LOUD", "TINY_LOG_LEVEL: "),
        ("TINY_COLOUR", "", "TINY_COLOUR: "),
        ("TINY_POOLSIZE", "8", "TINY_POOLSIZE: there is no such setting; TINY_POOL_SIZE is meant?"),
        (
            "TINY_JWKS_URI",
            "http://gateway",
            "TINY_JWKS_URI: there is no such setting; TINY_JWKS_URL is meant?",
        ),
    ],
)
def test_a_wrong_value_is_named_in_one_line_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
    told: str,
) -> None:
    line = refused(monkeypatch, capsys, **{name: value})

    assert told in line
    assert line.startswith("Wrong settings: ")
    assert "s3cret" not in line


def test_every_wrong_value_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(monkeypatch, capsys, TINY_PORT="x", TINY_COLOUR="7", TINY_TRANSPORT_URL=None)

    assert all(name in line for name in ("TINY_PORT: ", "TINY_COLOUR: ", "TINY_TRANSPORT_URL: "))


def test_right_values_are_taken_and_other_names_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes tells every container where the service `tiny` is, in variables of its own."""
    for name, value in {
        **RIGHT,
        "TINY_PORT": "8003",
        "TINY_SERVICE_HOST": "10.0.0.7",
        "TINY_SERVICE_PORT": "80",
        "TINY_PORT_80_TCP_ADDR": "10.0.0.7",
        "POOLSIZE": "1",
    }.items():
        monkeypatch.setenv(name, value)

    settings = load(Settings)

    assert (settings.port, settings.colour, settings.pool_size) == (8003, "red", 8)


IMPORTS = """
import os, sys
class Watched(dict):
    asked = set()
    def __getitem__(self, name):
        self.asked.add(name); return dict.__getitem__(self, name)
    def get(self, name, default=None):
        self.asked.add(name); return dict.get(self, name, default)
    def __contains__(self, name):
        self.asked.add(name); return dict.__contains__(self, name)
os.environ = Watched(os.environ)
os.getenv = os.environ.get
import catalog.app, circulation.app, gateway.app, chassis.roles, chassis.tokens, chassis.tracing
ours = ("CATALOG_", "CIRCULATION_", "GATEWAY_", "CARREL_", "DATABASE_URL", "AMQP_URL")
print(sorted(name for name in Watched.asked if str(name).startswith(ours)))
"""


def test_importing_reads_no_setting() -> None:
    told = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"
