"""A title's history on the wire: who changed which field when, what differs between two versions, and the way back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.marc import crosswalk
from catalog.marc.record import Field as MarcField
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.oai.queries import format_in
from catalog.titles import commands, media, queries
from catalog.titles.commands import ControlNumberTaken, TitleGone, TitleUnknown, VersionUnknown
from catalog.titles.losses import losses
from catalog.titles.routes import MayWrite, TitleOut, answer, shown
from catalog.titles.rules import Difference, differences
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.problems import (
    Forbidden,
    Invalid,
    NotAcceptable,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)

router = new_router(tag="titles")

VersionNumber = Annotated[int, Field(ge=1, lt=2**62)]


class SubfieldOut(BaseModel):
    """A subfield."""

    code: str
    value: str


class FieldOut(BaseModel):
    """A field: a control field has a value, a data field indicators and subfields."""

    tag: str
    value: str | None = None
    indicators: str | None = None
    subfields: list[SubfieldOut] | None = None


class DifferenceOut(BaseModel):
    """One field that is not what it was. The leader's tag is LDR."""

    kind: Literal["added", "removed", "changed", "moved"]
    tag: str
    occurrence: int
    """Which of the fields with this tag, counted from 1."""
    before: FieldOut | None
    after: FieldOut | None
    parts: list[str]
    """What within it differs: ind1, $a, order, or positions of a fixed field (07-10)."""


class DiffOut(BaseModel):
    """What differs between two versions."""

    earlier: int
    later: int
    suppressed: tuple[bool, bool]
    """Whether the public was shown the title, in each."""
    differences: list[DifferenceOut]


class StepOut(BaseModel):
    """One change: the version it made, by whom and when, and what it changed."""

    version: int
    at: datetime
    by: str
    suppressed: bool
    differences: list[DifferenceOut]


class LossOut(BaseModel):
    """A field, or one subfield of it, that the format does not say."""

    tag: str
    occurrence: int
    code: str | None
    """The subfield; null where nothing of the field is said."""
    value: str


class LossesOut(BaseModel):
    """What a format leaves out of a record."""

    media_type: str | None
    """The format; null for one that harvesters know by its prefix."""
    metadata_prefix: str | None
    fields: int
    whole: int
    """Fields that are said wholly."""
    losses: list[LossOut]


class RestorationIn(BaseModel):
    """Which version is to be the newest again."""

    model_config = ConfigDict(extra="forbid")

    version: VersionNumber


def field_out(field: MarcField | None) -> FieldOut | None:
    """A field on the wire."""
    if field is None:
        return None
    if field.is_control:
        return FieldOut(tag=field.tag, value=field.value)
    return FieldOut(
        tag=field.tag,
        indicators=field.indicators,
        subfields=[SubfieldOut(code=code, value=value) for code, value in field.subfields],
    )


def differences_out(told: Sequence[Difference]) -> list[DifferenceOut]:
    """Differences on the wire."""
    return [
        DifferenceOut(
            kind=each.kind,
            tag=each.tag,
            occurrence=each.occurrence,
            before=field_out(each.before),
            after=field_out(each.after),
            parts=list(each.parts),
        )
        for each in told
    ]


@router.get(
    "/v1/titles/{title_id}/history",
    response_model=cursors.Page[StepOut],
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, Invalid),
)
async def read_history(
    title_id: UUID,
    tx: ReadTx,
    by: MayWrite,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Every change of the title's record, newest first, field by field. What made version 1 is not told: an import
    or a person added the title then, as its `created_at` says."""
    row = await shown(tx, title_id, by)
    before = _version_in(cursor) if cursor else row.version
    newer = row if before == row.version else await queries.earlier(tx, title_id, before)
    if newer is None:
        raise cursors.wrong_cursor()
    steps = await queries.steps(tx, title_id, before=before, limit=limit + 1)
    states = [newer, *steps]
    told = await asyncio.to_thread(_steps, states[: limit + 1])
    more = cursors.encode(steps[limit - 1].version) if len(steps) > limit else None
    return {"items": told, "next_cursor": more}


def _steps(states: Sequence[Any]) -> list[StepOut]:
    """What led from each state to the one before it in the list. Costs CPU."""
    records: list[Record] = [unpack(state.record) for state in states]
    return [
        StepOut(
            version=newer.version,
            at=older.replaced_at,
            by=older.replaced_by,
            suppressed=newer.suppressed,
            differences=differences_out(differences(records[place + 1], records[place])),
        )
        for place, (newer, older) in enumerate(pairwise(states))
    ]


def _version_in(cursor: str) -> int:
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, int) or isinstance(told, bool) or not 1 <= told < 2**62:
        raise cursors.wrong_cursor()
    return told


@router.get(
    "/v1/titles/{title_id}/diff",
    response_model=DiffOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, VersionUnknown, Invalid),
)
async def compare_versions(
    title_id: UUID,
    tx: ReadTx,
    by: MayWrite,
    earlier: Annotated[int, Query(ge=1, lt=2**62, description="A version")],
    later: Annotated[
        int | None, Query(ge=1, lt=2**62, description="Another; unless told, the newest")
    ] = None,
) -> DiffOut:
    """What differs between two versions of the record."""
    now = await shown(tx, title_id, by)
    found = []
    for version in (earlier, now.version if later is None else later):
        row = now if version == now.version else await queries.earlier(tx, title_id, version)
        if row is None:
            raise VersionUnknown(f"There is no version {version} of this title.")
        found.append(row)
    old, new = found
    told = await asyncio.to_thread(lambda: differences(unpack(old.record), unpack(new.record)))
    return DiffOut(
        earlier=old.version,
        later=new.version,
        suppressed=(old.suppressed, new.suppressed),
        differences=differences_out(told),
    )


@router.post(
    "/v1/titles/{title_id}/restorations",
    response_model=TitleOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        TitleUnknown,
        VersionUnknown,
        ControlNumberTaken,
        TitleGone,
        Invalid,
        Stale,
        PreconditionRequired,
    ),
)
async def restore_version(
    title_id: UUID, by: MayWrite, expected: IfMatch, body: RestorationIn, tx: Tx, now: Now
) -> Response:
    """Make an earlier record the newest one again; nothing of what stood between is lost."""
    await shown(tx, title_id, by)
    await commands.restore(tx, title_id, body.version, expected=expected, by=str(by.actor), now=now)
    return answer(await queries.title(tx, title_id), media.JSON)


@router.get(
    "/v1/titles/{title_id}/losses",
    response_model=LossesOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, NotAcceptable, Invalid),
)
async def read_losses(
    title_id: UUID,
    tx: ReadTx,
    by: MayWrite,
    media_type: Annotated[
        str | None, Query(max_length=100, description="A format that titles are given in")
    ] = None,
    metadata_prefix: Annotated[
        str | None, Query(max_length=40, description="A format of the library's own, as harvesters name it")
    ] = None,
) -> LossesOut:
    """What is lost when the title is given in another format: Dublin Core, MODS, METS, a citation, or Dublin Core by a
    crosswalk of the library's own. The record that is kept loses nothing by it."""
    if (media_type is None) == (metadata_prefix is None):
        words, mend = "One format is looked at.", "Give media_type or metadata_prefix."
        raise Invalid(reasons=[Reason("one-of", words, "query/media_type", mend)])
    kind, write = await _writer(tx, media_type, metadata_prefix)
    row = await shown(tx, title_id, by)
    record = unpack(row.record)
    lost, whole = await asyncio.to_thread(losses, record, lambda each: write(each, f"t{row.hrid}"))
    return LossesOut(
        media_type=kind,
        metadata_prefix=metadata_prefix,
        fields=len(record),
        whole=whole,
        losses=[
            LossOut(tag=each.tag, occurrence=each.occurrence, code=each.code, value=each.value)
            for each in lost
        ],
    )


async def _writer(
    tx: ReadTx, media_type: str | None, prefix: str | None
) -> tuple[str | None, Callable[[Record, str], bytes]]:
    """A format, and what writes a record in it under a key."""
    if prefix is not None:
        if (own := await format_in(tx, prefix)) is None:
            words, mend = f"There is no format {prefix}.", "Name one of harvest_formats in the configuration."
            raise Invalid(reasons=[Reason("format-unknown", words, "query/metadata_prefix", mend)])
        return None, lambda record, _: crosswalk.dumps(own.of(record))
    kind = media.chosen(media_type, media.OFFERS)
    if kind == media.JSON:
        raise NotAcceptable("The JSON view is no format of records.")
    return kind, lambda record, key: media.written(record, kind, key=key, accept=media_type)
