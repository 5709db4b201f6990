"""The document of signing in: read, compared, put in place."""

from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from gateway.roles.rules import beyond, scopes_of
from gateway.signon.documents import SignOnDoc, of

router = new_router("/v1/configuration/sign-on", tag="sign-on")

MayRead = Annotated[Principal, Depends(may("sign-on:read"))]
MayWrite = Annotated[Principal, Depends(may("sign-on:write"))]

_READ = text("SELECT version, document FROM sign_on")
_LOCK = text("SELECT version, document FROM sign_on FOR UPDATE")
_WRITE = text(
    "UPDATE sign_on SET version = version + 1, document = CAST(:document AS jsonb), applied_at = :now, "
    "applied_by = :by RETURNING version"
)


class SignOnSectionDiff(BaseModel):
    """What would change in one section, by name."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class SignOnAppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed."""

    version: int
    applied: bool
    sections: dict[str, SignOnSectionDiff]


@router.get("", response_model=SignOnDoc, responses=problems(Unauthenticated, Forbidden))
async def export_sign_on(tx: ReadTx, _: MayRead, response: Response) -> SignOnDoc:
    """How people sign in by their campus."""
    row = (await tx.execute(_READ)).one()
    etags.tag(response, row.version)
    return of(row.document)


@router.put("", response_model=SignOnAppliedOut, responses=problems(Unauthenticated, Forbidden, Invalid))
async def apply_sign_on(
    tx: Tx,
    by: MayWrite,
    body: SignOnDoc,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = False,
) -> SignOnAppliedOut:
    """Put the document in place as a whole. Whoever writes it decides who anybody is: it takes a scope of its own."""
    if wrong := body.wrong():
        raise Invalid(reasons=[Reason(code, words, where) for code, words, where in wrong])
    granted = scopes_of(role for rule in body.persons.staff for role in rule.roles)
    if lacking := beyond(by.scopes, granted):
        raise Forbidden(
            "Nobody grants more than they have.",
            reasons=[
                Reason("scope-missing", f"You do not have {scope} yourself.", "/persons/staff")
                for scope in lacking
            ],
        )
    row = (await tx.execute(_READ if dry_run else _LOCK)).one()
    was, becomes = of(row.document).model_dump(mode="json"), body.model_dump(mode="json")
    changed = sorted(name for name in becomes if was[name] != becomes[name])
    version = row.version
    if changed and not dry_run:
        told = {"document": body.model_dump_json(), "now": now, "by": str(by.actor)}
        version = await tx.scalar(_WRITE, told)
    sections = {"settings": SignOnSectionDiff(added=[], changed=changed, removed=[])} if changed else {}
    return SignOnAppliedOut(version=version, applied=bool(changed) and not dry_run, sections=sections)
