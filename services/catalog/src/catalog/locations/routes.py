"""Locations to read; the configuration to export, compare and apply."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from catalog.locations import commands, queries
from catalog.locations.documents import ConfigurationDoc, SectionDiff
from chassis import etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems

router = new_router(tag="locations")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]


class LocationOut(BaseModel):
    """A location with its place in the tree."""

    id: UUID
    code: str
    name: str
    library: str
    library_name: str
    campus: str
    institution: str
    active: bool


class LocationsOut(BaseModel):
    """Every location."""

    items: list[LocationOut]


class AppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed."""

    version: int
    applied: bool
    sections: dict[str, SectionDiff]


@router.get("/v1/locations", response_model=LocationsOut)
async def list_locations(
    tx: ReadTx,
    library: Annotated[str | None, Query(max_length=60, description="Only this library's")] = None,
    code: Annotated[str | None, Query(max_length=60)] = None,
) -> LocationsOut:
    """Every location, by library and code."""
    return LocationsOut(
        items=[
            LocationOut(id=state.location_id, **state.model_dump(exclude={"location_id", "version"}))
            for state in await queries.locations(tx)
            if library in (None, state.library) and code in (None, state.code)
        ]
    )


@router.get("/v1/locations/{location_id}", response_model=LocationOut, responses=problems(NotFound))
async def read_location(tx: ReadTx, location_id: UUID) -> LocationOut:
    """One location."""
    for state in await queries.locations_by_id(tx, [location_id]):
        return LocationOut(id=state.location_id, **state.model_dump(exclude={"location_id", "version"}))
    raise NotFound("There is no such location.")


@router.get(
    "/v1/configuration/catalog",
    response_model=ConfigurationDoc,
    responses=problems(Unauthenticated, Forbidden),
)
async def export_configuration(tx: ReadTx, _: MayRead, response: Response) -> ConfigurationDoc:
    """The whole configuration as one document."""
    version, doc = await queries.configuration(tx)
    etags.tag(response, version)
    return doc


@router.put(
    "/v1/configuration/catalog",
    response_model=AppliedOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def apply_configuration(
    request: Request,
    tx: Tx,
    _: MayWrite,
    body: ConfigurationDoc,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = False,
) -> AppliedOut:
    """Put the configuration in place as a whole, or not at all: every flaw is told at once."""
    networks = request.app.state.resources.settings.networks
    flaws = [
        Reason(each.code, each.text, f"/search_targets/{place}/url", each.mend)
        for place, target in enumerate(body.search_targets or ())
        for each in refusals(target.judged_url, networks)
    ]
    version, applied, sections = await commands.apply(tx, body, dry_run=dry_run, now=now, flaws=flaws)
    return AppliedOut(version=version, applied=applied, sections=sections)
