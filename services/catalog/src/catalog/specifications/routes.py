"""Specifications on the wire, and records held against them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel

from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.specifications import commands, queries
from catalog.specifications.commands import SaveTaken
from catalog.specifications.documents import SpecificationDoc, specification_of
from catalog.specifications.queries import SpecificationUnknown
from catalog.specifications.rules import Presence, Severity
from catalog.specifications.wire import FindingOut, findings_out
from catalog.titles.commands import TitleUnknown
from catalog.titles.routes import RECORD_BODY, RecordIn, shown
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx, streamed
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)

router = new_router(tag="specifications")

MayRead = Annotated[Principal, Depends(may("titles:write", "configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Named = Annotated[
    str,
    Query(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="A specification: marc21, rda, aacr2, or your own"),
]


class SpecificationOut(SpecificationDoc):
    """A specification."""

    code: str
    version: int
    """0 for one as it was shipped."""


class SpecificationsOut(BaseModel):
    """By code."""

    items: list[SpecificationOut]


class SubfieldRuleOut(BaseModel):
    """A subfield, all told."""

    code: str
    presence: Presence
    repeatable: bool
    values: list[str]


class FieldRuleOut(BaseModel):
    """The fields with one tag, all told."""

    tag: str
    presence: Presence
    repeatable: bool
    ind1: str | None
    ind2: str | None
    subfields: list[SubfieldRuleOut]
    others: bool


class RulesOut(BaseModel):
    """What MARC 21 and the specification say together."""

    kind: Literal["bibliographic", "holdings"]
    local_tags: list[str]
    fields: list[FieldRuleOut]


class ValidationOut(BaseModel):
    """What is wrong with a record."""

    specification: str
    errors: int
    warnings: int
    findings: list[FindingOut]


def _out(code: str, version: int, doc: SpecificationDoc) -> SpecificationOut:
    return SpecificationOut(code=code, version=version, **doc.model_dump())


@router.get(
    "/v1/record-specifications",
    response_model=SpecificationsOut,
    responses=problems(Unauthenticated, Forbidden),
)
async def list_specifications(tx: ReadTx, _: MayRead) -> SpecificationsOut:
    """Every specification: shipped ones, and those that were written here."""
    return SpecificationsOut(items=[_out(*told) for told in await queries.specifications(tx)])


@router.get(
    "/v1/record-specifications/{code}",
    response_model=SpecificationOut,
    responses=problems(Unauthenticated, Forbidden, SpecificationUnknown),
)
async def read_specification(code: Code, tx: ReadTx, _: MayRead, response: Response) -> SpecificationOut:
    """What one says otherwise than MARC 21."""
    version, doc = await queries.specification(tx, code)
    etags.tag(response, version)
    return _out(code, version, doc)


@router.get(
    "/v1/record-specifications/{code}/rules",
    response_model=RulesOut,
    responses=problems(Unauthenticated, Forbidden, SpecificationUnknown),
)
async def read_rules(code: Code, tx: ReadTx, _: MayRead) -> RulesOut:
    """Every field with its indicators and subfields, as MARC 21 and the specification have it: for editors' help."""
    doc = (await queries.specification(tx, code))[1]
    told = specification_of(doc)
    return RulesOut(
        kind=doc.kind,
        local_tags=sorted(told.open_tags),
        fields=[
            FieldRuleOut(
                tag=tag,
                presence=rule.presence,
                repeatable=rule.repeatable,
                ind1=rule.ind1,
                ind2=rule.ind2,
                subfields=[
                    SubfieldRuleOut(
                        code=subfield,
                        presence=each.presence,
                        repeatable=each.repeatable,
                        values=sorted(each.values),
                    )
                    for subfield, each in rule.subfields.items()
                ],
                others=rule.others,
            )
            for tag, rule in sorted(told.fields.items())
        ],
    )


@router.put(
    "/v1/record-specifications/{code}",
    response_model=SpecificationOut,
    responses=problems(Unauthenticated, Forbidden, SaveTaken, Invalid, Stale, PreconditionRequired),
)
async def write_specification(
    code: Code, body: SpecificationDoc, by: MayWrite, expected: IfMatch, tx: Tx, now: Now, response: Response
) -> SpecificationOut:
    """Write a specification. One that is shipped, or is not there yet, is at version 0: `If-Match: "0"`."""
    version = await commands.put(tx, code, body, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, version)
    return _out(code, version, body)


@router.delete(
    "/v1/record-specifications/{code}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, SpecificationUnknown, Stale, PreconditionRequired),
)
async def delete_specification(code: Code, _: MayWrite, expected: IfMatch, tx: Tx) -> Response:
    """Take back what was written here; a shipped specification is as it was shipped again."""
    await commands.delete(tx, code, expected=expected)
    return Response(status_code=204)


async def _validated(tx: ReadTx, record: Record, code: str) -> ValidationOut:
    _, doc = await queries.specification(tx, code)
    findings = await commands.found_in(record, doc)
    wrong = sum(each.severity is Severity.ERROR for each in findings)
    return ValidationOut(
        specification=code, errors=wrong, warnings=len(findings) - wrong, findings=findings_out(findings)
    )


@router.post(
    "/v1/records:validate",
    response_model=ValidationOut,
    openapi_extra=RECORD_BODY,
    responses=problems(Unauthenticated, Forbidden, SpecificationUnknown, Invalid, Unsupported, TooLarge),
)
@streamed
async def validate_record(
    _: MayRead, record: RecordIn, tx: ReadTx, specification: Named = "marc21"
) -> ValidationOut:
    """What is wrong with a record: every fault, where it is, and what would mend it. Nothing is saved."""
    return await _validated(tx, record, specification)


@router.get(
    "/v1/titles/{title_id}/findings",
    response_model=ValidationOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, SpecificationUnknown),
)
async def validate_title(
    title_id: UUID,
    tx: ReadTx,
    by: Annotated[Principal, Depends(may("titles:write"))],
    specification: Named = "marc21",
) -> ValidationOut:
    """What is wrong with a title's record."""
    row = await shown(tx, title_id, by)
    return await _validated(tx, unpack(row.record), specification)
