"""What the catalogue needs to know."""

import ipaddress
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from catalog.search.filing import Filing
from chassis.addresses import Network
from chassis.settings import ServiceSettings

GIB = 1024**3


class Settings(ServiceSettings):
    """Variables `CATALOG_*`."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_", extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "carrel-catalog")
    """Folder for uploads and the search index; the roles `serve` and `work` must both reach it."""
    upload_limit: int = Field(default=4 * GIB, ge=1)
    """Bytes of one import."""
    record_limit: int = Field(default=10_000_000, ge=1_000)
    """Bytes of one record."""
    import_niceness: int = Field(default=10, ge=0, le=19)
    """How far a large import stands back when there are too few cores (`chassis.precedence`); 10 is a ninth."""
    import_jobs_per_user: int = Field(default=200, ge=1)
    """Imports of one user that may wait or run at once."""
    import_share: float = Field(default=1.0, ge=0.05, le=1.0)
    """The part of the time that a large import works; below 1 it rests after each slice."""
    search_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks in which servers may be searched for records besides the public internet, with commas between them
    (`10.0.0.0/8`): the library system that this one takes the place of."""
    search_target_limit: int = Field(default=8_000_000, ge=1024)
    """Bytes of such a server's answer."""
    link_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks in which links of records are checked besides the public internet, with commas between them: the
    university's own servers, say."""
    link_seconds: float = Field(default=15.0, gt=0, le=60)
    """How long an address is waited for."""
    link_pause: float = Field(default=1.0, ge=0, le=3600)
    """Seconds from one request to the next at one host; requests there never overlap."""
    index_memory: int = Field(default=64 * 1024 * 1024, ge=15_000_000)
    """Bytes the index writer gathers before it writes a segment."""
    filing: str = Field(default="", max_length=2000)
    """How titles and names file: a language with an order of its own (`sv`, `de-phonebook`), or rules such as
    `& z < å < ä < ö` (docs/search-query.md); unset: without diacritics."""
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    """ISO 4217 code of prices in imported records that name none."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+(/\S*)?$")
    """Where clients reach the gateway; unset: as they have addressed it themselves."""
    cover_address: str | None = Field(
        default=None, pattern=r"^https://[^/\s\\;,'\"{}]+/[^\s;,'\"]*\{isbn\}[^\s;,'\"]*$", max_length=500
    )
    """Where another house shows covers, with `{isbn}` for the number: public pages show those of titles that have none
    here, and browsers that see such a page ask that house. Unset: nobody is asked."""
    time_zone: str = "UTC"
    """Where the library is (IANA): public pages tell days and times as they are there."""
    repository_name: str = Field(default="Carrel", min_length=1, max_length=200)
    """What harvesters are told we are called."""
    repository_id: str = Field(
        default="carrel.localhost", pattern=r"^[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]*)+$"
    )
    """The domain name in harvest identifiers (`oai:DOMAIN:TITLE`); must never change once harvested."""
    repository_email: str = Field(default="root@carrel.localhost", pattern=r"^\S+@(\S+\.)+\S+$")
    """Whom a harvester's keeper may write to."""
    harvest_page: int = Field(default=500, ge=1, le=5000)
    """Records in one answer to a harvester."""
    z3950_port: int | None = Field(default=None, ge=0, le=65535)
    """Where the role `z3950` listens; unset: nobody is answered by Z39.50."""
    z3950_host: str = "127.0.0.1"
    z3950_database: str = Field(default="catalog", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """What clients call the catalogue; `Default` is it, too."""
    z3950_charset: Literal["utf-8", "marc-8"] = "utf-8"
    """How MARC records are written for clients that have agreed on nothing."""
    z3950_associations: int = Field(default=100, ge=1, le=10_000)
    """Clients at once …"""
    z3950_associations_per_address: int = Field(default=10, ge=1)
    """… and from one address."""
    z3950_result_sets: int = Field(default=16, ge=1, le=100)
    """Result sets of one client."""
    z3950_idle_seconds: float = Field(default=600.0, gt=0)
    """How long a client may be silent."""
    z3950_message_limit: int = Field(default=1_000_000, ge=100_000)
    """Bytes of an answer."""

    @field_validator("search_networks", "link_networks", mode="before")
    @classmethod
    def _listed(cls, told: Any) -> Any:
        parts = told.split(",") if isinstance(told, str) else told
        return tuple(str(ipaddress.ip_network(part.strip())) for part in parts if part.strip())

    @property
    def networks(self) -> tuple[Network, ...]:
        """The same, as networks."""
        return tuple(ipaddress.ip_network(told) for told in self.search_networks)

    @property
    def networks_of_links(self) -> tuple[Network, ...]:
        """Where links are checked besides the public internet."""
        return tuple(ipaddress.ip_network(told) for told in self.link_networks)

    @field_validator("filing")
    @classmethod
    def _readable_rules(cls, told: str) -> str:
        return Filing(told).told

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, told: str) -> str:
        if told not in available_timezones():
            raise ValueError("is no time zone of the IANA database, such as Europe/Berlin")
        return told
