"""What is wanted is described otherwise: freely until it is sent, by staff after that, and the supplier is told."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.etags import IfMatch
from chassis.moments import Moment
from chassis.principal import Principal
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from ill.citations.rules import likeness
from ill.configuration.queries import in_force
from ill.requests import queries
from ill.requests.amendments import changes_told
from ill.requests.case import Case, too_old_at
from ill.requests.commands import NoSuchRequest, happen
from ill.requests.model import model_of
from ill.requests.routes import Edition, sound
from ill.requests.rules import Told
from ill.requests.seeing import (
    Asker,
    CitationIn,
    InterlibraryRequestOut,
    Level,
    Long,
    MoneyIn,
    Service,
    Short,
    kind_of,
    out,
    own,
    pool_of,
)

router = new_router("/v1/ill", tag="interlibrary loan")


class RequestSent(Refused):
    """The supplier has been asked: what is wanted cannot be changed any more."""

    code, title = "request-sent", "The supplier has been asked already."


class WishChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    service: Service | None = None
    citation: CitationIn | None = None
    """As a whole."""
    pickup: Short | None = None
    service_level: Level | None = None
    need_before: Moment | None = None
    max_cost: MoneyIn | None = None
    any_edition: bool | None = None
    preferred_edition: Edition | None = None
    note: Long | None = None


_CHANGE = """
UPDATE request SET version = version + 1, changed_at = $2, service = $3, citation = $4, likeness = $5, pickup = $6,
    service_level = $7, need_before = $8, max_cost = $9, currency = $10, any_edition = $11, note = $12,
    preferred_edition = $13, volumes = $14
WHERE id = $1 RETURNING *
"""
UNSENT = frozenset(
    {
        "checking-patron",
        "invalid-patron",
        "duplicate-review",
        "review",
        "copyright-review",
        "looking-online",
        "available-online",
        "looking-here",
        "local-review",
        "validated",
        "supplier-identified",
        "end-of-rota",
    }
)


def _may_amend(row: dict[str, Any], body: WishChange, asker: Principal) -> bool:
    """Staff may, where the supplier can still be told; another service is another request."""
    same = body.service is None or body.service == row["service"]
    heeded = model_of(row["side"], row["model"]).move(row["state"], "amended") is not None
    return kind_of(asker) == "staff" and heeded and same


@router.patch(
    "/requests/{request_id}",
    response_model=InterlibraryRequestOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, RequestSent, Stale, Invalid, PreconditionRequired
    ),
)
async def change_request(
    request: Request,
    response: Response,
    request_id: UUID,
    body: WishChange,
    asker: Asker,
    expected: IfMatch,
    now: Now,
) -> InterlibraryRequestOut:
    """Change what is wanted, until a supplier has been asked; staff also after that, as long as nothing was shipped.

    Then the supplier is told what has changed, and whether it is lent or copied cannot be changed any more.
    """
    given = body.model_fields_set
    citation = sound(body.citation, body.need_before, now)
    async with pool_of(request).acquire() as connection, connection.transaction():
        await own(connection, request_id, asker)
        row = await queries.locked(connection, request_id)
        assert row is not None
        etags.guard(expected=expected, found=row["version"])
        sent = row["state"] not in UNSENT
        if row["side"] != "borrowing" or (sent and not _may_amend(row, body, asker)):
            text, mend = f"The request is {row['state']}.", "Cancel it, and ask anew."
            raise RequestSent(reasons=[Reason("request-sent", text, mend=mend)])
        before = dict(row)
        told = {name: getattr(body, name) for name in given if name not in ("citation", "max_cost")}
        row |= {name: value for name, value in told.items() if value is not None or name not in _NEVER_EMPTY}
        if body.citation is not None:
            row["citation"] = citation
            row["volumes"] = [{"volume": volume} for volume in citation.get("volumes", ())]
        if "max_cost" in given:
            row |= {
                "max_cost": body.max_cost.minor if body.max_cost else None,
                "currency": body.max_cost.currency if body.max_cost else None,
            }
        row["any_edition"] = row["any_edition"] and row["preferred_edition"] != "this"
        row["likeness"] = likeness(row["service"], row["citation"])
        changed = await connection.fetchrow(
            _CHANGE,
            request_id,
            now,
            *(
                row[name]
                for name in (
                    "service",
                    "citation",
                    "likeness",
                    "pickup",
                    "service_level",
                    "need_before",
                    "max_cost",
                    "currency",
                    "any_edition",
                    "note",
                    "preferred_edition",
                    "volumes",
                )
            ),
        )
        case = Case(connection, dict(changed or {}), await in_force(connection), str(asker.actor), now)
        case.row["version"] -= 1  # one change, one version: writing the step raises it
        await connection.execute(
            "UPDATE request SET version = $2 WHERE id = $1", request_id, case.row["version"]
        )
        times = {name: case.row[name] for name in ("created_at", "need_before")}
        case.row["expires_at"] = too_old_at(case.doc, level=case.row["service_level"], **times)
        if body.citation is not None:  # what sources told was of something else
            told_of = ("index", "held", "looked")
            case.row["holding"] = {n: v for n, v in case.row["holding"].items() if n not in told_of}
        if sent:
            case.told = Told(note=changes_told(before, row))
        case.steps.append(("changed", row["state"], row["state"]))
        case.entered = not sent or bool(
            given & {"need_before", "service_level"}
        )  # it is waited otherwise now
        if not sent or not await happen(case, "amended"):
            await case.write()
        told_out = out(await own(connection, request_id, asker))
    etags.tag(response, told_out.version)
    return told_out


_NEVER_EMPTY = frozenset({"service", "any_edition"})
