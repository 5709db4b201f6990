"""From the codes that records tell to the catalogue's own locations and types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from catalog.imports.rules import reason
from catalog.locations import commands, queries
from catalog.locations.documents import (
    STANDARD,
    UNSPECIFIED,
    CampusDoc,
    ConfigurationDoc,
    InstitutionDoc,
    LibraryDoc,
    LocationDoc,
    TypeDoc,
)
from catalog.marc.items import ItemFacts
from chassis.database import Connection, Sessions
from chassis.problems import Invalid

_LOCATIONS = """
SELECT l.id, l.code, b.code AS library FROM location l JOIN library b ON b.id = l.library_id
"""
_CODES: Final = ("material_type", "loan_type", "damaged_status", "statistical_code")
_CODED: Final = " UNION ALL ".join(f"SELECT '{name}' AS name, code FROM {name}" for name in _CODES)  # noqa: S608 - ours
_PREFIXES = """
SELECT number_prefix('titles') AS title, number_prefix('holdings') AS holdings, number_prefix('items') AS item
"""
_VERSION = "SELECT version FROM configuration_state FOR SHARE"
HOME = "MAIN"
"""Code of what is made when records speak of locations and there is nowhere to put them."""


@dataclass(slots=True)
class Places:
    """Codes as they stand at one version of the configuration, compared without regard to case."""

    version: int = -1
    currency: str = "EUR"
    """Of prices that name none."""
    locations: dict[tuple[str, str], UUID] = field(default_factory=dict)
    alone: dict[str, UUID | None] = field(default_factory=dict)
    """Locations by their own code; None where several libraries have it."""
    codes: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    """Library and location, as the configuration writes them."""
    material_types: dict[str, str] = field(default_factory=dict)
    loan_types: dict[str, str] = field(default_factory=dict)
    described: set[tuple[str, str]] = field(default_factory=set)
    """Conditions and statistical codes, each with what it is one of."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """What numbers begin with, by table; the tables' own default asks for it anew for each row."""
    _typed: dict[tuple[str | None, str | None], tuple[str, str, list[dict[str, str]]]] = field(
        default_factory=dict
    )
    """What was found for an item's types before."""

    async def refresh(self, connection: Connection) -> None:
        """Read again what has changed; until the transaction ends, nothing can be removed."""
        version = await connection.fetchval(_VERSION)
        if version == self.version:
            return
        self._typed.clear()
        self.locations, self.alone, self.codes = {}, {}, {}
        for row in await connection.fetch(_LOCATIONS):
            code = row["code"].casefold()
            self.locations[row["library"].casefold(), code] = row["id"]
            self.codes[row["id"]] = (row["library"], row["code"])
            self.alone[code] = None if code in self.alone else row["id"]
        codes: dict[str, list[str]] = {name: [] for name in _CODES}
        for row in await connection.fetch(_CODED):
            codes[row["name"]].append(row["code"])
        self.material_types = {code.casefold(): code for code in codes["material_type"]}
        self.loan_types = {code.casefold(): code for code in codes["loan_type"]}
        self.prefixes = dict(await connection.fetchrow(_PREFIXES) or {})
        self.described = {(name, code) for name in _CODES[2:] for code in codes[name]}
        self.version = version

    def location(self, item: ItemFacts) -> UUID | None:
        """The location an item stands at, if its codes are known."""
        return self.location_of(item.library, item.location)

    def location_of(self, library: str | None, location: str | None) -> UUID | None:
        """The location of these codes."""
        code = (location or "").casefold()
        if library:
            return self.locations.get((library.casefold(), code))
        return self.alone.get(code) if code else None

    def for_a_time(self, item: ItemFacts, written: str) -> UUID | None:
        """The location of this code in the item's own library, else in any; or of `LIBRARY/CODE`."""
        library, _, code = written.rpartition("/")
        tries = [(item.library, written), (None, written), (library.strip(), code.strip())]
        return next(
            (found for told in tries if (found := self.location_of(*told)) is not None),
            None,
        )

    def types(self, item: ItemFacts) -> tuple[str, str, list[dict[str, str]]]:
        """Material and loan type; an unknown one becomes the default, and is told."""
        asked = (item.item_type, item.loan_type)
        if (found := self._typed.get(asked)) is None:
            found = self._typed[asked] = self._types(item)
        return found

    def _types(self, item: ItemFacts) -> tuple[str, str, list[dict[str, str]]]:
        reasons = []
        material = self.material_types.get((item.item_type or UNSPECIFIED.code).casefold())
        if material is None:
            reasons.append(reason("material-type-unknown", f"There is no material type {item.item_type!r}."))
        loan = self.loan_types.get((item.loan_type or STANDARD.code).casefold())
        if loan is None:
            reasons.append(reason("loan-type-unknown", f"There is no loan type {item.loan_type!r}."))
        return material or UNSPECIFIED.code, loan or STANDARD.code, reasons

    def unknown(self, items: Iterable[ItemFacts]) -> bool:
        """Whether any of these speaks of something that is not here."""
        return any(
            (item.location and self.location(item) is None)
            or (item.item_type and item.item_type.casefold() not in self.material_types)
            or (item.loan_type and item.loan_type.casefold() not in self.loan_types)
            for item in items
        )


async def make_known(sessions: Sessions, items: Iterable[ItemFacts], *, now: datetime) -> None:
    """Add the libraries, locations and types that records speak of, as one change of the configuration."""
    async with sessions.begin() as session:
        await session.execute(commands.LOCK)
        _, doc = await queries.configuration(session)
        added = _with_codes(doc, items)
        try:
            await commands.apply(session, added, dry_run=False, now=now)
        except Invalid:
            return


def _with_codes(doc: ConfigurationDoc, items: Iterable[ItemFacts]) -> ConfigurationDoc:
    """The configuration with what these items speak of; a code that cannot be one is passed over."""
    told = doc.model_copy(deep=True)
    libraries = {entry.code.casefold(): entry.code for entry in told.libraries}
    locations = {(entry.library.casefold(), entry.code.casefold()) for entry in told.locations}
    alone = {entry.code.casefold() for entry in told.locations}
    materials = {entry.code.casefold() for entry in told.material_types}
    loans = {entry.code.casefold() for entry in told.loan_types}
    for item in items:
        try:
            if item.item_type and item.item_type.casefold() not in materials:
                told.material_types.append(TypeDoc(code=item.item_type, name=item.item_type))
                materials.add(item.item_type.casefold())
            if item.loan_type and item.loan_type.casefold() not in loans:
                told.loan_types.append(TypeDoc(code=item.loan_type, name=item.loan_type))
                loans.add(item.loan_type.casefold())
            if not item.location or (not item.library and item.location.casefold() in alone):
                continue
            library = item.library or (told.libraries[0].code if told.libraries else HOME)
            if (library.casefold(), item.location.casefold()) in locations:
                continue
            place = LocationDoc(code=item.location, name=item.location, library=library)
            if library.casefold() not in libraries:
                told.libraries.append(LibraryDoc(code=library, name=library, campus=_campus(told)))
                libraries[library.casefold()] = library
            told.locations.append(place.model_copy(update={"library": libraries[library.casefold()]}))
            locations.add((library.casefold(), item.location.casefold()))
            alone.add(item.location.casefold())
        except ValidationError:
            continue
    return told


def _campus(told: ConfigurationDoc) -> str:
    """The first campus, made when there is none."""
    if not told.institutions:
        told.institutions.append(InstitutionDoc(code=HOME, name="The institution"))
    if not told.campuses:
        told.campuses.append(CampusDoc(code=HOME, name="Main campus", institution=told.institutions[0].code))
    return told.campuses[0].code
