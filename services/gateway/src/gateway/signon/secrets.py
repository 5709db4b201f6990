"""Secrets that doors need towards whom they believe: a client's secret, a directory's password. Put, never read."""

from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import text

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, NotFound, Refused, Unauthenticated, problems
from gateway.signon.fields import NAME
from gateway.tokens.keys import Sealer

router = new_router("/v1/sign-on/secrets", tag="sign-on")

MayRead = Annotated[Principal, Depends(may("sign-on:read"))]
MayWrite = Annotated[Principal, Depends(may("sign-on:write"))]
DoorName = Annotated[str, Path(pattern=NAME, description="The `name` of the door in the document")]
MOST = 200


class TooManySecrets(Refused):
    """There are more than any library has doors."""

    code, title = "too-many-secrets", "There are as many secrets as there may be; take some away."


class SecretIn(BaseModel):
    """What only we and the other side know."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretStr = Field(min_length=1, max_length=4000)


class SecretOut(BaseModel):
    """That there is one; not what it is."""

    name: str
    set_at: datetime
    set_by: str


class SecretsOut(BaseModel):
    """All of them; there are never many."""

    items: list[SecretOut]


_PUT = text("""
INSERT INTO sign_on_secret (name, sealed, set_at, set_by) VALUES (:name, :sealed, :now, :by)
ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at, set_by = excluded.set_by
""")


@router.get("", response_model=SecretsOut, responses=problems(Unauthenticated, Forbidden))
async def list_sign_on_secrets(tx: ReadTx, _: MayRead) -> SecretsOut:
    """For which doors there is one."""
    rows = await tx.execute(text("SELECT name, set_at, set_by FROM sign_on_secret ORDER BY name"))
    return SecretsOut(items=[SecretOut(**row) for row in rows.mappings()])


@router.put("/{name}", status_code=204, responses=problems(Unauthenticated, Forbidden, TooManySecrets))
async def put_sign_on_secret(
    request: Request, tx: Tx, by: MayWrite, name: DoorName, body: SecretIn, now: Now
) -> None:
    """Set it, in place of the one before."""
    if (
        await tx.scalar(text("SELECT count(*) FROM sign_on_secret WHERE name <> :name"), {"name": name})
        >= MOST
    ):
        raise TooManySecrets
    sealer: Sealer = request.app.state.sealer
    sealed = sealer.seal(body.secret.get_secret_value().encode("utf-8", "surrogatepass"))
    await tx.execute(_PUT, {"name": name, "sealed": sealed, "now": now, "by": str(by.actor)})


@router.delete("/{name}", status_code=204, responses=problems(Unauthenticated, Forbidden, NotFound))
async def drop_sign_on_secret(tx: Tx, _: MayWrite, name: DoorName) -> None:
    """Take it away."""
    told = text("DELETE FROM sign_on_secret WHERE name = :name RETURNING true")
    if await tx.scalar(told, {"name": name}) is None:
        raise NotFound("There is no such secret.")


async def read(pool: asyncpg.Pool, sealer: Sealer, name: str) -> str | None:
    """A door's secret; None where it has none."""
    sealed = await pool.fetchval("SELECT sealed FROM sign_on_secret WHERE name = $1", name)
    return sealer.open(sealed).decode("utf-8", "surrogatepass") if sealed is not None else None
