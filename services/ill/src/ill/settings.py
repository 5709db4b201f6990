"""What interlibrary loan needs to know."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.addresses import Network
from chassis.settings import Networks, ServiceSettings, networks_of


class Settings(ServiceSettings):
    """Variables `ILL_*`."""

    model_config = SettingsConfigDict(env_prefix="ILL_", extra="ignore", frozen=True)

    message_limit: int = Field(default=100_000, ge=1024)
    """Bytes of an ISO 18626 message, in either direction."""
    sealing_key: SecretStr | None = Field(default=None, min_length=16)
    """Seals what we prove ourselves with to partners; none: no such thing is taken."""
    document_limit: int = Field(default=20_000_000, ge=1024, le=100_000_000)
    """Bytes of the file of a copy."""
    lookup_networks: Networks = ()
    """Networks in which sources may be asked besides the public internet, with commas between them
    (`127.0.0.0/8`): a union catalogue within the campus, our own on this machine."""
    lookup_timeout: float = Field(default=10.0, gt=0, le=120)
    """Seconds that a source may take for its answer."""
    lookup_limit: int = Field(default=2_000_000, ge=1024)
    """Bytes of a source's answer."""
    host_networks: Networks = ()
    """Networks in which a circulation that is not ours may be told things, besides the public internet; with commas."""
    virus_scanner: Annotated[str, Field(pattern=r"^(tcp://[^/\s]+:[0-9]+|unix:///\S+)$")] | None = None
    """A clamd that looks through files of copies before they are kept: `tcp://127.0.0.1:3310` or `unix:///run/clamd`;
    unset: none are."""
    virus_timeout: float = Field(default=60.0, gt=0)
    """Seconds that it may take; without an answer nothing is kept."""
    send_timeout: float = Field(default=20.0, gt=0)
    """Seconds that a partner may take for its confirmation."""
    send_attempts: int = Field(default=10, ge=1)
    """How often a message is sent before the partner counts as out of reach."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The same, as networks."""
        return networks_of(self.lookup_networks)

    @property
    def networks_of_hosts(self) -> tuple[Network, ...]:
        """Those in which hosts are spoken to."""
        return networks_of(self.host_networks)
