"""The configuration on the wire: whole or as lines of rules, version by version, and drafts of the next ones."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import JSON_LIMIT, OnceRequired, ReadTx, Tx, streamed
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    ReasonOut,
    Stale,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from circulation.configuration import applying, drafts, lines
from circulation.configuration.applying import Occasion, SectionDiff
from circulation.configuration.merging import entries
from circulation.configuration.rules import OPEN, DraftState
from circulation.configuration.tables import ConfigurationDraft
from circulation.places.documents import ConfigurationDoc

router = new_router("/v1/configuration/circulation", tag="configuration")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]
DryRun = Annotated[bool, Query(description="Only tell what would change")]
Comment = Annotated[str | None, Query(max_length=500, description="Why, for whoever reads the versions")]
LATEST = 2**31 - 1


class AppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed; and what is sound, yet probably not meant."""

    version: int
    applied: bool
    sections: dict[str, SectionDiff]
    warnings: list[ReasonOut] = Field(default_factory=list)


async def version_meant(
    if_match: Annotated[str | None, Header(description="The ETag that was read, if it matters")] = None,
) -> int | None:
    """The version that the client means to replace, where it says so."""
    return None if if_match is None else await etags.expected_version(if_match)


VersionMeant = Annotated[int | None, Depends(version_meant)]


@router.get("", response_model=ConfigurationDoc, responses=problems(Unauthenticated, Forbidden))
async def export_configuration(tx: ReadTx, _: MayRead, response: Response) -> ConfigurationDoc:
    """The whole configuration as one document."""
    version, doc = await applying.current(tx)
    etags.tag(response, version)
    return doc


@router.put("", response_model=AppliedOut, responses=problems(Unauthenticated, Forbidden, Stale, Invalid))
async def apply_configuration(
    tx: Tx,
    by: MayWrite,
    body: ConfigurationDoc,
    now: Now,
    meant: VersionMeant,
    dry_run: DryRun = False,
    comment: Comment = None,
) -> AppliedOut:
    """Put the configuration in place as a whole, or not at all: every flaw is told at once."""
    version, old = await applying.current(tx, lock=True)
    _guard(meant, version)
    occasion = Occasion(str(by.actor), "applied", comment)
    return await _apply(tx, old, body, occasion, version=version, now=now, dry_run=dry_run)


def _guard(meant: int | None, version: int) -> None:
    if meant is not None:
        etags.guard(expected=meant, found=version)


async def _apply(
    tx: AsyncSession,
    old: ConfigurationDoc,
    new: ConfigurationDoc,
    occasion: Occasion,
    *,
    version: int,
    now: datetime,
    dry_run: bool,
) -> AppliedOut:
    if reasons := await applying.objections(tx, old, new):
        raise Invalid(drafts.UNSOUND, reasons=reasons)
    sections, warned = applying.difference(old, new), applying.as_warnings(new)
    if dry_run or not sections:
        return AppliedOut(version=version, applied=False, sections=sections, warnings=warned)
    await applying.put_in_place(tx, old, new, occasion, version=version + 1, now=now)
    return AppliedOut(version=version + 1, applied=True, sections=sections, warnings=warned)


class Text(Response):
    """Plain text in UTF-8."""

    media_type = "text/plain"


TEXT_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/rules", response_class=Text, responses=problems(Unauthenticated, Forbidden, NotFound))
async def rules_as_text(
    tx: ReadTx,
    _: MayRead,
    version: Annotated[
        int | None, Query(ge=1, le=LATEST, description="Of a version; the one in force")
    ] = None,
) -> Response:
    """The rules, one a line: `patron_group = student | staff & loan_type != short : loan=a fine=b hold=c`."""
    number, doc = await applying.current(tx)
    if version is not None:
        number, doc = version, await drafts.version_of(tx, version)
    return Text(lines.text_of(doc.rules), headers={"ETag": etags.etag(number)})


@router.put(
    "/rules",
    response_model=AppliedOut,
    responses=problems(Unauthenticated, Forbidden, Stale, Invalid, TooLarge, Unsupported),
    openapi_extra=TEXT_BODY,
)
@streamed
async def apply_rules(
    request: Request,
    tx: Tx,
    by: MayWrite,
    now: Now,
    meant: VersionMeant,
    dry_run: DryRun = False,
    comment: Comment = None,
) -> AppliedOut:
    """Put these rules in place of those in force; whatever is wrong is told with its line and column."""
    told = await _text(request)
    version, old = await applying.current(tx, lock=True)
    _guard(meant, version)
    read = lines.parsed(told)
    new = old.model_copy(update={"rules": read.rules})
    wrong = [_at(each.at, each.code, each.text) for each in read.wrong]
    if not read.wrong:
        wrong = [_at(read.place_of(flaw.pointer), flaw.code, flaw.text) for flaw in new.flaws()]
    if len(read.rules) > 5000:
        wrong.append(Reason("too-long", "There are more than 5000 rules.", "5001:1"))
    if wrong:
        raise Invalid(drafts.UNSOUND, reasons=wrong)
    occasion = Occasion(str(by.actor), "applied", comment)
    return await _apply(tx, old, new, occasion, version=version, now=now, dry_run=dry_run)


def _at(place: lines.Place, code: str, words: str) -> Reason:
    return Reason(code, f"Line {place.line}, column {place.column}: {words}", f"{place.line}:{place.column}")


async def _text(request: Request) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "text/plain":
        raise Unsupported("Rules are sent as text/plain.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > JSON_LIMIT:
            raise TooLarge(f"Rules may have {JSON_LIMIT} bytes.")
    try:
        told = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid(reasons=[Reason("not-utf-8", f"This is no UTF-8: {error}.")]) from error
    if "\0" in told:
        raise Invalid(reasons=[Reason("unstorable-value", "The text holds NUL.", mend="Leave it out.")])
    return told


class VersionOut(BaseModel):
    """A version of the configuration: when it came into force, by whom, and how."""

    version: int
    applied_at: datetime
    applied_by: str
    how: str
    """applied, scheduled, rolled-back or closing."""
    comment: str | None
    in_force: bool


class WholeVersionOut(VersionOut):
    """A version with its document."""

    document: ConfigurationDoc


_VERSIONS = """
SELECT c.version, c.applied_at, c.applied_by, c.how, c.comment, c.version = r.version AS in_force {more}
FROM configuration_version c, reference r
"""


@router.get(
    "/versions",
    response_model=cursors.Page[VersionOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_versions(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[VersionOut]:
    """Every version, the newest first."""
    before = LATEST
    if cursor:
        (before,) = cursors.decode(cursor, parts=1)
        if not isinstance(before, int) or not 0 <= before <= LATEST:
            raise cursors.wrong_cursor()
    rows = (
        await tx.execute(
            text(
                _VERSIONS.format(more="") + "WHERE c.version < :before ORDER BY c.version DESC LIMIT :limit"
            ),
            {"before": before, "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(rows[limit - 1].version) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[VersionOut(**row._mapping) for row in rows[:limit]], next_cursor=more)


Numbered = Annotated[int, Query(ge=1, le=LATEST)]


@router.get(
    "/versions/{version}",
    response_model=WholeVersionOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_version(tx: ReadTx, _: MayRead, version: int) -> WholeVersionOut:
    """One version, whole."""
    row = (
        await tx.execute(
            text(_VERSIONS.format(more=", c.document") + "WHERE c.version = :version"),
            {"version": _number(version)},
        )
    ).first()
    if row is None:
        raise NotFound("There is no such version.")
    return WholeVersionOut(**row._mapping)


def _number(version: int) -> int:
    if not 1 <= version <= LATEST:
        raise NotFound("There is no such version.")
    return version


class ChangedOut(BaseModel):
    """An entry that differs: as it was, and as it is; null where there is none."""

    pointer: str
    before: Any = None
    after: Any = None


class DifferenceOut(BaseModel):
    """What differs between two configurations, in short and entry by entry."""

    sections: dict[str, SectionDiff]
    entries: list[ChangedOut]


@router.get(
    "/versions/{version}/differences/{other}",
    response_model=DifferenceOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def compare_versions(tx: ReadTx, _: MayRead, version: int, other: int) -> DifferenceOut:
    """What differs in the second version from the first."""
    return _differing(
        await drafts.version_of(tx, _number(version)), await drafts.version_of(tx, _number(other))
    )


def _differing(old: ConfigurationDoc, new: ConfigurationDoc) -> DifferenceOut:
    before, after = entries(old), entries(new)
    sections = applying.difference(old, new)
    changed = [
        ChangedOut(
            pointer=f"/{section}/{code}", before=before[section].get(code), after=after[section].get(code)
        )
        for section, diff in sections.items()
        for code in (*diff.removed, *diff.changed, *diff.added)
    ]
    return DifferenceOut(sections=sections, entries=changed)


class RollBackIn(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    comment: str = Field(min_length=1, max_length=500)


@router.post(
    "/versions/{version}/roll-backs",
    response_model=AppliedOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Stale, PreconditionRequired, Invalid),
)
async def roll_back(
    tx: Tx,
    by: MayWrite,
    version: int,
    body: RollBackIn,
    expected: etags.IfMatch,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
) -> AppliedOut:
    """Put an earlier version in force again, as a new one. If-Match names the version now in force."""
    present, old = await applying.current(tx, lock=True)
    etags.guard(expected=expected, found=present)
    new = await drafts.version_of(tx, _number(version))
    occasion = Occasion(str(by.actor), "rolled-back", f"To version {version}: {body.comment}")
    return await _apply(tx, old, new, occasion, version=present, now=now, dry_run=dry_run)


class DraftIn(BaseModel):
    """A configuration in the making."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    document: ConfigurationDoc


class DraftOut(BaseModel):
    """A draft, and when it comes or came into force."""

    id: UUID
    name: str
    based_on: int
    state: DraftState
    activates_at: datetime | None
    activated_version: int | None
    reasons: list[ReasonOut] | None
    """Why it could not be put in place when its moment came."""
    created_at: datetime
    changed_at: datetime
    changed_by: str
    version: int


class WholeDraftOut(DraftOut):
    """A draft with its document, what it changes of the version it was begun from, and warnings."""

    document: ConfigurationDoc
    difference: DifferenceOut
    warnings: list[ReasonOut]


def _told(draft: ConfigurationDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in DraftOut.model_fields}


async def _whole(tx: AsyncSession, draft: ConfigurationDraft, response: Response) -> WholeDraftOut:
    doc = ConfigurationDoc.model_validate(draft.document)
    etags.tag(response, draft.version)
    return WholeDraftOut(
        **_told(draft),
        document=doc,
        difference=_differing(await drafts.version_of(tx, draft.based_on), doc),
        warnings=applying.as_warnings(doc),
    )


@router.post(
    "/drafts",
    status_code=201,
    response_model=WholeDraftOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def begin_draft(
    tx: Tx, by: MayWrite, body: DraftIn, once: OnceRequired, now: Now, response: Response
) -> WholeDraftOut:
    """Begin a draft from the version now in force. It is checked as if it were to be applied."""
    draft = await drafts.begin(tx, name=body.name, doc=body.document, by=str(by.actor), now=now)
    response.headers["Location"] = f"/v1/configuration/circulation/drafts/{draft.id}"
    return await _whole(tx, draft, response)


@router.get(
    "/drafts", response_model=cursors.Page[DraftOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_drafts(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    open: Annotated[bool, Query(description="Only those that may still come into force")] = False,  # noqa: A002 - the wire's word
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[DraftOut]:
    """Drafts, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else UUID(int=0)
    names = ", ".join(DraftOut.model_fields)
    rows = (
        await tx.execute(
            text(
                f"SELECT {names} FROM configuration_draft "  # noqa: S608 - our own column names
                "WHERE id > :after AND (NOT :open OR state = ANY (:states)) ORDER BY id LIMIT :limit"
            ),
            {"after": after, "open": open, "states": sorted(OPEN), "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[DraftOut(**row._mapping) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/drafts/{draft_id}",
    response_model=WholeDraftOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_draft(tx: ReadTx, _: MayRead, draft_id: UUID, response: Response) -> WholeDraftOut:
    """One draft, whole."""
    draft = await tx.get(ConfigurationDraft, draft_id)
    if draft is None:
        raise NotFound("There is no such draft.")
    return await _whole(tx, draft, response)


OF_A_DRAFT = problems(
    Unauthenticated, Forbidden, NotFound, drafts.DraftClosed, Stale, PreconditionRequired, Invalid
)


@router.put("/drafts/{draft_id}", response_model=WholeDraftOut, responses=OF_A_DRAFT)
async def change_draft(
    tx: Tx, by: MayWrite, draft_id: UUID, body: DraftIn, expected: etags.IfMatch, now: Now, response: Response
) -> WholeDraftOut:
    """Rewrite a draft; it counts as begun from the version now in force, and is scheduled no more."""
    draft = await drafts.change(
        tx, draft_id, name=body.name, doc=body.document, expected=expected, by=str(by.actor), now=now
    )
    return await _whole(tx, draft, response)


@router.delete("/drafts/{draft_id}", response_model=DraftOut, responses=OF_A_DRAFT)
async def discard_draft(tx: Tx, by: MayWrite, draft_id: UUID, expected: etags.IfMatch, now: Now) -> DraftOut:
    """Give a draft up; it stays on record."""
    draft = await drafts.locked(tx, draft_id, expected)
    drafts.touch(draft, DraftState.DISCARDED, by=str(by.actor), now=now)
    return DraftOut(**_told(draft))


class ActivationIn(BaseModel):
    """When; at once where left out or past."""

    model_config = ConfigDict(extra="forbid")

    at: Moment | None = None


@router.put(
    "/drafts/{draft_id}/activation",
    response_model=DraftOut,
    responses=OF_A_DRAFT | problems(drafts.ActivationRefused, drafts.DraftClosed),
)
async def schedule_draft(
    tx: Tx,
    by: MayWrite,
    draft_id: UUID,
    body: ActivationIn,
    expected: etags.IfMatch,
    now: Now,
    response: Response,
) -> DraftOut:
    """Let a draft come into force at a moment, or at once.

    What has come into force since it was begun is kept: the draft's own changes are brought onto it. What both
    changed differently is refused, now or, where the other came later, when the moment comes (state `failed`).
    """
    draft = await drafts.schedule(tx, draft_id, at=body.at, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, draft.version)
    return DraftOut(**_told(draft))


@router.delete(
    "/drafts/{draft_id}/activation",
    response_model=DraftOut,
    responses=OF_A_DRAFT | problems(drafts.DraftClosed, drafts.DraftNotScheduled),
)
async def unschedule_draft(
    tx: Tx, by: MayWrite, draft_id: UUID, expected: etags.IfMatch, now: Now, response: Response
) -> DraftOut:
    """Take a draft off the schedule; it stays a draft."""
    draft = await drafts.locked(tx, draft_id, expected)
    if draft.state != DraftState.SCHEDULED:
        raise drafts.DraftNotScheduled(reasons=[Reason("draft-not-scheduled", f"It is {draft.state}.")])
    drafts.touch(draft, DraftState.DRAFT, by=str(by.actor), now=now)
    etags.tag(response, draft.version)
    return DraftOut(**_told(draft))
