"""unAPI (version 1): what a reference manager asks for when a page names a title in an `abbr class="unapi-id"`."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Response

from catalog.marc.reading import MARCXML, MODS
from catalog.marc.storage import unpack
from catalog.marc.xmltext import group, quoted
from catalog.titles import media, queries
from catalog.titles.commands import TitleUnknown
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone
from chassis.problems import NotAcceptable, Reason, problems

router = new_router(tag="discovery")

XML: Final = "application/xml; charset=utf-8"
FORMATS: Final = {
    "marcxml": MARCXML,
    "mods": MODS,
    "oai_dc": media.DUBLIN_CORE,
    "ris": media.RIS,
    "endnote": media.ENDNOTE,
    "bibtex": media.BIBTEX,
    "csl": media.CSL,
    "schemaorg": media.JSON_LD,
}
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/xml": {"schema": {"type": "string"}}}},
    300: {"description": "The formats in which this title is to be had"},
}


@router.get("/unapi", response_class=Response, responses=ANSWER | problems(TitleUnknown, NotAcceptable))
async def unapi(
    tx: ReadTx,
    asker: Anyone,
    of: Annotated[
        str | None, Query(alias="id", max_length=200, description="A title's id, or its harvest identifier")
    ] = None,
    wanted: Annotated[str | None, Query(alias="format", max_length=40)] = None,
) -> Response:
    """The formats there are (without `id`), those of a title (300), or the title in one of them."""
    if of is None:
        return Response(_formats(None), media_type=XML)
    row = await queries.title(tx, _title(of))
    if row is None or (row.suppressed and not asker.may("titles:write")):
        raise TitleUnknown
    if wanted is None:
        return Response(_formats(of), 300, media_type=XML)
    if wanted not in FORMATS:
        raise NotAcceptable(
            reasons=[
                Reason(
                    "format-unknown",
                    f"There is no format {wanted!r}.",
                    "query/format",
                    f"Ask for one of {', '.join(FORMATS)}.",
                )
            ]
        )
    kind = FORMATS[wanted]
    return Response(media.written(unpack(row.record), kind, key=f"t{row.hrid}"), media_type=kind)


def _title(told: str) -> UUID:
    try:
        return UUID(told.rpartition(":")[2])
    except ValueError:
        raise TitleUnknown from None


def _formats(of: str | None) -> str:
    told = "".join(f"<format name={quoted(name)} type={quoted(kind)}/>" for name, kind in FORMATS.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{group("formats", told, id=of)}\n'
