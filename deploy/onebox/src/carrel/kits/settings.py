"""What a library says of its export: which system, which zone and currency, what its codes mean here."""

from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

Section = Literal["places", "material_types", "loan_types", "patron_groups", "service_points", "fee_types"]
SECTIONS: Final[tuple[Section, ...]] = (
    "places",
    "material_types",
    "loan_types",
    "patron_groups",
    "service_points",
    "fee_types",
)
Code = Annotated[str, Field(min_length=1, max_length=130)]
Codes = dict[str, Code | None]
"""The old system's code → ours; null where nobody has decided yet."""


class MappingDoc(BaseModel):
    """The mapping document, `mapping.json`: written as a draft by the first run, filled in by the library."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
    """Our word for the old system; legacy ids are kept with it."""
    zone: str | None = None
    """Of times without one, as `Europe/Berlin`; nothing is handed over before it is said."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    load_profile: Annotated[str, Field(min_length=1, max_length=60)] = "migration"
    """By which of the configuration's load_profiles patrons are loaded."""
    columns: dict[str, dict[str, str]] = {}
    """File → our name of a column → the file's, where that is not the usual one."""
    item_field: dict[str, str] = {}
    """Of Alma: the item's field and its subfields, where they are not the usual ones."""
    places: Codes = {}
    """`LIBRARY/LOCATION` → `LIBRARY/LOCATION`."""
    material_types: Codes = {}
    loan_types: Codes = {}
    patron_groups: Codes = {}
    service_points: Codes = {}
    fee_types: Codes = {}

    @field_validator("zone")
    @classmethod
    def known(cls, told: str | None) -> str | None:
        """A zone of the IANA's."""
        if told is not None and told not in available_timezones():
            raise ValueError("no zone of the IANA time zone database")
        return told

    @property
    def time_zone(self) -> ZoneInfo:
        """Of times without one."""
        return ZoneInfo(self.zone or "UTC")

    def named(self, file: str, usual: dict[str, str]) -> dict[str, str]:
        """The columns of a file: the usual ones, but for those that are told otherwise."""
        return usual | self.columns.get(file, {})

    def codes(self, section: Section) -> Codes:
        """A section."""
        found: Codes = getattr(self, section)
        return found

    def meant(self, section: Section, code: str) -> str:
        """What a code means here; itself where nothing is said."""
        return self.codes(section).get(code) or code
