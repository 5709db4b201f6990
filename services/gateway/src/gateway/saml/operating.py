"""Operating the service provider: our metadata and keys, and how its sources do."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired, ReadTx
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, NotFound, Unauthenticated, problems
from gateway.saml import keys, sources
from gateway.saml.keys import KeyRefused, OurKey
from gateway.saml.parts import NoCampusSignIn, Parts

router = new_router(tag="sign-on")

MayRead = Annotated[Principal, Depends(may("sign-on:read"))]
MayWrite = Annotated[Principal, Depends(may("sign-on:write"))]
METADATA = "application/samlmetadata+xml"


def parts_of(request: Request) -> Parts:
    """This process's parts."""
    found: Parts = request.app.state.saml
    return found


@router.get(
    "/saml/metadata",
    responses={200: {"content": {METADATA: {"schema": {"type": "string"}}}}, **problems(NoCampusSignIn)},
    response_class=Response,
)
async def read_saml_metadata(request: Request, now: Now) -> Response:
    """Our metadata (SAML 2.0), signed; register this address with your federation or identity provider."""
    made = await parts_of(request).metadata(now=now)
    return Response(made, media_type=METADATA, headers={"Cache-Control": "public, max-age=3600"})


class SamlKeyOut(BaseModel):
    """One of our keys as a service provider; the private part never leaves."""

    id: str
    state: Literal["current", "next", "former"]
    certificate: str
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, key: OurKey) -> "SamlKeyOut":
        """As it is told."""
        return cls.model_validate(
            {
                "id": key.kid,
                "state": key.state,
                "certificate": key.credential.certificate.decode(),
                "created_at": key.created_at,
                "changed_at": key.changed_at,
            }
        )


class SamlKeysOut(BaseModel):
    """All of them; there are never many."""

    items: list[SamlKeyOut]


async def _listed(request: Request) -> SamlKeysOut:
    parts = parts_of(request)
    found = await keys.all_keys(parts.pool, parts.sealer)
    return SamlKeysOut(items=[SamlKeyOut.of(key) for key in found])


@router.get("/v1/saml/keys", response_model=SamlKeysOut, responses=problems(Unauthenticated, Forbidden))
async def list_saml_keys(request: Request, _: MayRead) -> SamlKeysOut:
    """Our keys: the current one first, then the next, then former ones."""
    return await _listed(request)


@router.post(
    "/v1/saml/keys",
    status_code=201,
    response_model=SamlKeysOut,
    responses=problems(Unauthenticated, Forbidden, NoCampusSignIn, KeyRefused),
)
async def add_saml_key(request: Request, _: MayWrite, now: Now) -> SamlKeysOut:
    """Make the next key and publish it; there is one next key at most, so a repetition is refused."""
    parts = parts_of(request)
    _doc, ours = await parts.configured()
    await parts.keys(ours, now=now)
    host = urlsplit(ours.url).hostname or "library"
    await keys.add(parts.pool, parts.sealer, parts.workshop, host=host, now=now)
    return await _listed(request)


@router.post(
    "/v1/saml/keys/{key_id}:use",
    response_model=SamlKeysOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, KeyRefused),
)
async def use_saml_key(request: Request, _: MayWrite, key_id: str, once: OnceRequired, now: Now) -> Response:
    """Sign with the next key from now on; what is encrypted to the one before is still read."""
    parts = parts_of(request)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await keys.use(connection, key_id, now=now)
        found = await keys.all_keys(connection, parts.sealer)
        return 200, SamlKeysOut(items=[SamlKeyOut.of(key) for key in found]), {}

    return await whole(parts.pool, once, act)


@router.delete(
    "/v1/saml/keys/{key_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound, KeyRefused),
)
async def drop_saml_key(request: Request, _: MayWrite, key_id: str) -> None:
    """Forget a next or a former key."""
    async with parts_of(request).pool.acquire() as connection, connection.transaction():
        await keys.drop(connection, key_id)


class SamlSourceOut(BaseModel):
    """How one source of metadata does."""

    name: str
    fetched_at: datetime | None
    """When it last gave what could be trusted."""
    tried_at: datetime | None
    valid_until: datetime | None
    """After that nobody signs in by it, unless it gives something newer."""
    providers: int
    failure: str | None = Field(description="Why the last try changed nothing")
    failing_since: datetime | None


class SamlSourcesOut(BaseModel):
    """All of them, as far as they have been looked at."""

    items: list[SamlSourceOut]


_SOURCES = text(
    "SELECT name, fetched_at, tried_at, valid_until, failure, failing_since, "
    "(SELECT count(*) FROM saml_provider WHERE source = saml_source.name AND document IS NOT NULL) AS providers "
    "FROM saml_source ORDER BY name"
)


@router.get("/v1/saml/sources", response_model=SamlSourcesOut, responses=problems(Unauthenticated, Forbidden))
async def list_saml_sources(tx: ReadTx, _: MayRead) -> SamlSourcesOut:
    """Where identity providers come from, and since when a source fails."""
    rows = (await tx.execute(_SOURCES)).mappings().all()
    return SamlSourcesOut(items=[SamlSourceOut(**row) for row in rows])


@router.post(
    "/v1/saml/sources:refresh", response_model=SamlSourcesOut, responses=problems(Unauthenticated, Forbidden)
)
async def refresh_saml_sources(request: Request, tx: ReadTx, _: MayWrite, now: Now) -> SamlSourcesOut:
    """Look at once at every source that is new, changed or due, rather than within the minute."""
    parts = parts_of(request)
    doc = await parts.in_force.now()
    await sources.refresh(parts.pool, parts.workshop, parts.http, doc, now=now)
    rows = (await tx.execute(_SOURCES)).mappings().all()
    return SamlSourcesOut(items=[SamlSourceOut(**row) for row in rows])
