"""Funds that are limited to locations: whether a line's copies go where each of its funds may pay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.problems import Reason
from erm.orders.queries import Line
from erm.orders.rules import may_bear, unborne
from erm.units.rules import Act, Standing

_LIMITED = """
SELECT id, code, location_ids, acquisition_unit_ids FROM fund WHERE id = ANY ($1::uuid[]) AND location_ids <> '{}'
"""

Borne = tuple[Sequence[UUID], Sequence[Mapping[str, Any]], str]
"""Where a line's copies go, its shares, and where in the input it stands."""


def of_lines(lines: Iterable[Line]) -> list[Borne]:
    """Lines as they are kept."""
    return [(line.locations, line.shares, f"/lines/{line.row['position']}") for line in lines]


async def misplaced(connection: Connection, told: Sequence[Borne], standing: Standing) -> list[Reason]:
    """Every share whose fund pays for nothing of where its line goes, and every location for whose copies none of the
    line's funds pays. (Funds that somebody may not see are unknown to them, and told so elsewhere.)"""
    funds = {share["fund_id"] for _, shares, _ in told for share in shares}
    rows = await connection.fetch(_LIMITED, list(funds))
    limited = {row["id"]: row for row in rows if standing.lets(Act.READ, row["acquisition_unit_ids"])}
    reasons = []
    for locations, shares, pointer in told:
        wrong = [
            _elsewhere(limited[share["fund_id"]]["code"], f"{pointer}/shares/{at}/fund_id", locations)
            for at, share in enumerate(shares)
            if share["fund_id"] in limited
            and not may_bear(locations, limited[share["fund_id"]]["location_ids"])
        ]
        limits = [
            limited[share["fund_id"]]["location_ids"] if share["fund_id"] in limited else []
            for share in shares
        ]
        reasons += wrong or [
            _without_fund(place, f"{pointer}/locations/{locations.index(place)}")
            for place in unborne(locations, limits)
        ]
    return reasons


def _elsewhere(fund: str, pointer: str, locations: Sequence[UUID]) -> Reason:
    where = "goes elsewhere" if locations else "names no location"
    text = f"The fund {fund} pays for some locations only, and this {where}."
    mend = "Choose one of its locations (location_ids), or another fund."
    return Reason("fund-of-other-locations", text, pointer, mend)


def _without_fund(place: UUID, pointer: str) -> Reason:
    text = f"None of the line's funds pays for what goes to the location {place}."
    mend = "Let a fund bear some of it that pays for this location, or order these copies by another line."
    return Reason("location-without-fund", text, pointer, mend)
