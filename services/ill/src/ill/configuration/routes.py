"""The configuration to export, compare and apply."""

import re
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.association import judged
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from ill.ageing.commands import age_anew
from ill.configuration.documents import ConfigurationDoc

router = new_router("/v1/configuration/ill", tag="interlibrary loan")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]

_READ = text("SELECT version, document FROM configuration")
_LOCK = text("SELECT version, document FROM configuration FOR UPDATE")
_WRITE = text(
    "UPDATE configuration SET version = version + 1, document = CAST(:document AS jsonb), applied_at = :now, "
    "applied_by = :by RETURNING version"
)
_DECLARED = text("SELECT text FROM declaration WHERE version = :version")
_DECLARE = text("INSERT INTO declaration (version, text, since) VALUES (:version, :text, :now)")

_KNOWN = text("""
SELECT w.at FROM unnest(CAST(:schemes AS text[]), CAST(:symbols AS text[])) WITH ORDINALITY AS w (scheme, symbol, at)
WHERE EXISTS (SELECT FROM partner p WHERE upper(p.scheme) = upper(w.scheme) AND upper(p.symbol) = upper(w.symbol))
    OR EXISTS (SELECT FROM partner_symbol o
        WHERE upper(o.scheme) = upper(w.scheme) AND upper(o.symbol) = upper(w.symbol))
""")


class IllSectionDiff(BaseModel):
    """What would change in one section, by name."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class IllAppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed."""

    version: int
    applied: bool
    sections: dict[str, IllSectionDiff]


@router.get("", response_model=ConfigurationDoc, responses=problems(Unauthenticated, Forbidden))
async def export_configuration(tx: ReadTx, _: MayRead, response: Response) -> ConfigurationDoc:
    """How this library takes part in interlibrary loan."""
    row = (await tx.execute(_READ)).one()
    etags.tag(response, row.version)
    return ConfigurationDoc.model_validate(row.document)


async def _unknown(tx: AsyncSession, body: ConfigurationDoc) -> list[Reason]:
    """A reason for each partner of a route that the directory does not know."""
    named = body.routing.agencies()
    rows = await tx.execute(
        _KNOWN,
        {
            "schemes": [one.scheme for one in named.values()],
            "symbols": [one.symbol for one in named.values()],
        },
    )
    known = set(rows.scalars())
    return [
        Reason(
            "partner-unknown",
            f"There is no partner {one.scheme}:{one.symbol}.",
            pointer,
            "Enter it into the directory first.",
        )
        for at, (pointer, one) in enumerate(named.items(), 1)
        if at not in known
    ]


@router.put("", response_model=IllAppliedOut, responses=problems(Unauthenticated, Forbidden, Invalid))
async def apply_configuration(
    tx: Tx,
    by: MayWrite,
    request: Request,
    body: ConfigurationDoc,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = False,
) -> IllAppliedOut:
    """Put the document in place as a whole. Requests under way go by it from now on."""
    networks = request.app.state.resources.settings.networks
    reasons = [
        Reason(one.code, one.text, pointer, one.mend)
        for pointer, url in body.lookups.addresses().items()
        for one in refusals(re.sub(r"\{\w+\}", "0", judged(url)), networks)
    ]
    reasons += await _unknown(tx, body)
    if request.app.state.resources.settings.mail_server is None:
        reasons += [
            Reason(
                "mail-not-set",
                "No mail is sent from here.",
                f"/lending/pulling/{at}/mail_to",
                "Set ILL_MAIL_SERVER.",
            )
            for at, one in enumerate(body.lending.pulling)
            if one.mail_to
        ]
    if reasons:
        raise Invalid(reasons=reasons)
    row = (await tx.execute(_READ if dry_run else _LOCK)).one()
    before = ConfigurationDoc.model_validate(row.document)
    if before.agency is not None and body.agency is None:
        words = "Partners know this library by its symbol."
        raise Invalid(reasons=[Reason("agency-needed", words, "/agency", "Give another one, not none.")])
    if (declared := body.copyright.declaration) is not None:
        known = await tx.scalar(_DECLARED, {"version": declared.version})
        if known is not None and known != declared.text:
            words = f"Version {declared.version!r} was declared in other words."
            pointer = "/copyright/declaration/version"
            raise Invalid(
                reasons=[Reason("declaration-changed", words, pointer, "Give the text a new version.")]
            )
        if known is None and not dry_run:
            told = {"version": declared.version, "text": declared.text, "now": now}
            await tx.execute(_DECLARE, told)
    was, becomes = before.model_dump(mode="json"), body.model_dump(mode="json")
    changed = sorted(name for name in becomes if was[name] != becomes[name])
    version = row.version
    if changed and not dry_run:
        told = {"document": body.model_dump_json(), "now": now, "by": str(by.actor)}
        version = await tx.scalar(_WRITE, told)
        if "times" in changed:
            await age_anew(tx, body, now=now)
    sections = {"settings": IllSectionDiff(added=[], changed=changed, removed=[])} if changed else {}
    return IllAppliedOut(version=version, applied=bool(changed) and not dry_run, sections=sections)
