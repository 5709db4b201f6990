"""What acquisitions need to know."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.addresses import Network
from chassis.settings import Networks, ServiceSettings, networks_of


class Settings(ServiceSettings):
    """Variables `ERM_*`."""

    model_config = SettingsConfigDict(env_prefix="ERM_", extra="ignore", frozen=True)

    sealing_key: SecretStr | None = Field(default=None, min_length=16)
    """Seals what we prove ourselves with to providers of title lists; none: no such thing is taken."""
    list_networks: Networks = ()
    """Networks in which title lists may be fetched besides the public internet, with commas between them."""
    list_timeout: float = Field(default=300.0, gt=0, le=3600)
    """Seconds that a provider may take for a list."""

    delivery_networks: Networks = ()
    """Networks in which batches of vouchers may be put on FTP servers besides the public internet, with commas between
    them; without TLS in these alone."""
    delivery_ca_file: str | None = None
    """Certificates that these servers are trusted by; none: the system's."""

    @property
    def own_delivery_networks(self) -> tuple[Network, ...]:
        """Where batches may be delivered, too."""
        return networks_of(self.delivery_networks)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Where lists may be fetched, too."""
        return networks_of(self.list_networks)
