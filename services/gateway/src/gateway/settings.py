"""What the gateway needs to know."""

import ipaddress
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables `GATEWAY_*`."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", frozen=True)

    sealing_key: SecretStr = Field(min_length=16)
    """Seals the private signing keys at rest; the same in every process of the gateway."""
    admin_key: SecretStr | None = Field(default=None, min_length=16)
    """The operator's own key, for the first set-up and emergencies; unset: there is none."""
    catalog_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where catalog answers; unset in one box, where it is in the same process."""
    circulation_url: str | None = Field(default=None, pattern=r"^https?://")
    ill_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where interlibrary loan answers; unset: there is none, or it is in the same process."""
    erm_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where acquisitions answer; unset: there are none, or they are in the same process."""
    public_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where clients reach the gateway; machines may name its token endpoint as the audience of an assertion."""
    body_limit: int = Field(default=8 * 1024 * 1024, ge=1024)
    """Bytes of an ordinary request body."""
    upload_limit: int = Field(default=4 * 1024 * 1024 * 1024, ge=1024)
    """Bytes of an import."""
    upstream_timeout: float = Field(default=30.0, gt=0)
    """Seconds until a service must have begun its answer."""
    client_patience: float = Field(default=30.0, gt=0)
    """Seconds that a client may pause while it sends a body or takes an answer."""
    upstream_concurrency: int = Field(default=200, ge=1)
    """Requests under way to one service at most; more are told 503, and no other service is held up."""
    stranger_places: int = Field(default=32, ge=1)
    """Requests of strangers that one process works on at once; more wait two seconds, then are told 503."""
    machine_places: int = Field(default=64, ge=1)
    """The same of programs other than kiosks."""
    patron_places: int = Field(default=64, ge=1)
    """The same of patrons. What is left is for staff and kiosks."""
    webhook_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks that webhooks may be sent to besides the public internet, with commas between them
    (`127.0.0.0/8,10.20.0.0/16`): loopback for trying things out, a campus network for receivers in it."""
    webhook_ca_file: str | None = None
    """Certificates that receivers' are checked against (PEM); unset: the system's."""
    webhook_slots: int = Field(default=128, ge=2, le=2000)
    """Deliveries that one process sends at once."""
    lti_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks in which learning management systems are asked for keys and rosters besides the public internet, with
    commas between them: that of a campus, say."""

    security_contact: str | None = Field(default=None, pattern=r"^(mailto:|https://|tel:)[\x21-\x7e]+$")
    """Whom to tell of a weakness (`mailto:security@library.edu`), for /.well-known/security.txt."""
    security_expires: datetime | None = None
    """Until when that is sure to be right (RFC 9116): a moment with its zone, best less than a year ahead."""
    security_policy: str | None = Field(default=None, pattern=r"^https://[\x21-\x7e]+$")
    """Where it is said how reports are treated."""

    shib_key: SecretStr | None = Field(default=None, min_length=32)
    """Shared with the web server whose mod_shib says who somebody is (docs/sign-on.md); unset: no header says so."""
    shib_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks that this web server asks from, with commas between them; none but with a key."""

    @field_validator("webhook_networks", "lti_networks", "shib_proxies", mode="before")
    @classmethod
    def _listed(cls, told: Any) -> Any:
        parts = told.split(",") if isinstance(told, str) else told
        return tuple(str(ipaddress.ip_network(part.strip())) for part in parts if part.strip())

    @model_validator(mode="after")
    def _shib_is_whole(self) -> Self:
        if (self.shib_key is None) != (not self.shib_proxies):
            raise ValueError(
                "shib_key and shib_proxies are set together: what proves the headers, and where from"
            )
        return self

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        if (self.security_contact is None) != (self.security_expires is None):
            raise ValueError("security_contact and security_expires are set together (RFC 9116 wants both)")
        if self.security_expires is not None and self.security_expires.tzinfo is None:
            raise ValueError("security_expires names its zone")
        return self

    @property
    def services(self) -> dict[str, str]:
        """The services that answer over HTTP, and where."""
        known = {
            "catalog": self.catalog_url,
            "circulation": self.circulation_url,
            "ill": self.ill_url,
            "erm": self.erm_url,
        }
        return {name: url for name, url in known.items() if url is not None}
