"""Settings come from the environment once, in `__main__`; a wrong one ends the start with one clear line."""

import difflib
import ipaddress
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from chassis.addresses import Network


def _url_of(*schemes: str) -> AfterValidator:
    def check(told: str) -> str:
        if not told.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        try:
            urlsplit(told).port  # noqa: B018 - asking is what checks it
        except ValueError as error:
            raise ValueError("the port is no number" if "port" in str(error).lower() else "no URL") from None
        return told

    return AfterValidator(check)


def _listed(told: Any) -> Any:
    parts = told.split(",") if isinstance(told, str) else told
    return tuple(str(ipaddress.ip_network(part.strip())) for part in parts if part.strip())


Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Networks with commas between them: `127.0.0.0/8,10.20.0.0/16`."""


def networks_of(told: Iterable[str]) -> tuple[Network, ...]:
    """The same, as networks."""
    return tuple(ipaddress.ip_network(each) for each in told)


class ServiceSettings(BaseSettings):
    """What every service needs to know. Subclasses set `env_prefix` (`CATALOG_`, `CIRCULATION_` …)."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: Annotated[str, _url_of("postgresql", "postgres")]
    """The service's own database: `postgresql://role:password@host/database`."""
    transport_url: Annotated[str, _url_of("amqp", "amqps", "postgresql", "postgres")]
    """Where events travel: `amqp://…` for RabbitMQ, `postgresql://…` for the bus database."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    pool_size: int = Field(default=8, ge=2, le=64)
    """Connections for the busy paths and handlers."""
    session_pool_size: int = Field(default=4, ge=1, le=64)
    """Connections for ordinary transactions."""
    jwks_url: str | None = None
    """The gateway's key set for the tokens of the hop inside; unset in one box, where none travel."""
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    otlp_endpoint: str | None = None
    """Where traces go (OTLP over HTTP); unset: none are recorded."""


Settings = TypeVar("Settings", bound=BaseSettings)


def load(settings: type[Settings], **given: Any) -> Settings:
    """Read settings from the environment, or end the process with one line that names each wrong value."""
    wrong = _misspelt(settings)
    try:
        loaded = settings(**given)
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        wrong += [
            f"{prefix}{'_'.join(map(str, problem['loc']))}".upper()
            + f": {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
    except SettingsError as error:
        wrong.append(str(error))
    if wrong:
        print(f"Wrong settings: {'; '.join(wrong)}", file=sys.stderr)
        raise SystemExit(2)
    return loaded


def _misspelt(settings: type[BaseSettings]) -> list[str]:
    """Variables that are no setting but look very much like one: what was wished would silently not be so."""
    prefix = settings.model_config.get("env_prefix", "").upper()
    known = [name.upper() for name in settings.model_fields]
    found = []
    for name in sorted(os.environ if prefix else ()):
        bare = name.upper().removeprefix(prefix)
        if name.upper().startswith(prefix) and bare not in known:
            found += [
                f"{name}: there is no such setting; {prefix}{meant} is meant?"
                for meant in difflib.get_close_matches(bare, known, n=1, cutoff=0.8)
            ]
    return found
