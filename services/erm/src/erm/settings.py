"""What acquisitions need to know."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables `ERM_*`."""

    model_config = SettingsConfigDict(env_prefix="ERM_", extra="ignore", frozen=True)
