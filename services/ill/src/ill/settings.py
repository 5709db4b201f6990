"""What interlibrary loan needs to know."""

from typing import Annotated

from pydantic import Field, SecretStr, model_validator
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
    mail_server: (
        Annotated[str, Field(pattern=r"^(smtp|smtp\+starttls|smtps)://[^/\s@:]+(:[0-9]{1,5})?/?$")] | None
    ) = None
    """Takes the mails with slips: `smtp+starttls://mail.example:587`, `smtps://…`, or `smtp://…` for one on this
    machine; unset: none are sent."""
    mail_user: str | None = Field(default=None, min_length=1)
    mail_password: SecretStr | None = Field(default=None, min_length=1)
    mail_from: Annotated[str, Field(pattern=r"^[^\s@<>]{1,64}@[A-Za-z0-9.-]{1,190}$")] | None = None
    """As whom mails are sent."""
    mail_ca_file: str | None = None
    """Certificates of authorities by which the mail server is known, where the system's do not tell."""
    mail_timeout: float = Field(default=20.0, gt=0, le=300)
    """Seconds that the mail server may take for each of its answers."""
    mail_attempts: int = Field(default=30, ge=1, le=1000)
    """How often a mail is tried, with gaps that grow to an hour, before it is given up."""
    send_timeout: float = Field(default=20.0, gt=0)
    """Seconds that a partner may take for its confirmation."""
    send_attempts: int = Field(default=10, ge=1)
    """How often a message is sent before the partner counts as out of reach."""

    @model_validator(mode="after")
    def _mails_as_somebody(self) -> "Settings":
        if self.mail_server is not None and self.mail_from is None:
            raise ValueError("ILL_MAIL_SERVER needs ILL_MAIL_FROM: as whom mails are sent")
        if (self.mail_user is None) != (self.mail_password is None):
            raise ValueError("ILL_MAIL_USER and ILL_MAIL_PASSWORD go together")
        if self.mail_user is not None and (self.mail_server or "").startswith("smtp://"):
            raise ValueError("ILL_MAIL_PASSWORD is not sent in the clear: use smtp+starttls:// or smtps://")
        return self

    @property
    def networks(self) -> tuple[Network, ...]:
        """The same, as networks."""
        return networks_of(self.lookup_networks)

    @property
    def networks_of_hosts(self) -> tuple[Network, ...]:
        """Those in which hosts are spoken to."""
        return networks_of(self.host_networks)
