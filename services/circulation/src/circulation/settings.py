"""What circulation needs to know."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables `CIRCULATION_*`."""

    model_config = SettingsConfigDict(env_prefix="CIRCULATION_", extra="ignore", frozen=True)
