"""What interlibrary loan needs to know."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables `ILL_*`."""

    model_config = SettingsConfigDict(env_prefix="ILL_", extra="ignore", frozen=True)

    message_limit: int = Field(default=100_000, ge=1024)
    """Bytes of an ISO 18626 message, in either direction."""
    sealing_key: SecretStr | None = Field(default=None, min_length=16)
    """Seals what we prove ourselves with to partners; none: no such thing is taken."""
    document_limit: int = Field(default=20_000_000, ge=1024, le=100_000_000)
    """Bytes of the file of a copy."""
    send_timeout: float = Field(default=20.0, gt=0)
    """Seconds that a partner may take for its confirmation."""
    send_attempts: int = Field(default=10, ge=1)
    """How often a message is sent before the partner counts as out of reach."""
