"""Settings come from the environment once, in `__main__`; a wrong one ends the start with one clear line."""

import sys
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs to know. Subclasses set `env_prefix` (`CATALOG_`, `CIRCULATION_` …)."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str = Field(pattern=r"^postgres(ql)?://")
    """The service's own database: `postgresql://role:password@host/database`."""
    transport_url: str = Field(pattern=r"^(amqps?|postgres(ql)?)://")
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
    try:
        return settings(**given)
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        wrong = "; ".join(
            f"{prefix}{'_'.join(str(part) for part in problem['loc'])}".upper() + f": {problem['msg']}"
            for problem in error.errors()
        )
        print(f"Wrong settings: {wrong}", file=sys.stderr)
        raise SystemExit(2) from None
