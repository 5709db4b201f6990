"""What a harvester is told, as XML (OAI-PMH.xsd): pieces of text, so that no answer is ever whole in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from catalog.holdings.embedding import giving_way
from catalog.marc import crosswalk, mets, mods, slim
from catalog.marc.marcxml import NAMESPACE as MARC
from catalog.marc.record import Field, Record
from catalog.marc.storage import unpack
from catalog.marc.xmltext import group, leaf, quoted, told
from catalog.oai.crosswalks import Crosswalk
from catalog.oai.queries import Header
from catalog.oai.rules import Fault, identifier, stamp

OAI: Final = "http://www.openarchives.org/OAI/2.0/"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_IDENTIFIER: Final = "http://www.openarchives.org/OAI/2.0/oai-identifier"
_DC: Final = "http://purl.org/dc/elements/1.1/"
WITH_HOLDINGS: Final = frozenset(("marc21_withholdings", "mets"))
"""Formats that tell of holdings and items, too."""

SCHEMAS: Final[Mapping[str, tuple[str, str]]] = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", crosswalk.OAI_DC),
    "marc21": (slim.SCHEMA, MARC),
    "marc21_withholdings": (slim.SCHEMA, MARC),
    "mods": (mods.SCHEMA, mods.NAMESPACE),
    "mets": (mets.SCHEMA, mets.NAMESPACE),
}

Writer = Callable[[Record, Sequence[Field], UUID], str]
WRITERS: Final[Mapping[str, Writer]] = {
    "oai_dc": lambda record, *_: crosswalk.dumps(crosswalk.dublin_core(record)).decode(),
    "marc21": lambda record, *_: slim.dumps(record),
    "marc21_withholdings": lambda record, held, _: slim.dumps(record, held, without=giving_way(held)),
    "mods": lambda record, *_: mods.dumps(record),
    "mets": lambda record, held, title_id: mets.dumps(record, held, key=f"t{title_id.hex}"),
}


def by(crosswalk_: Crosswalk) -> Writer:
    """What writes records by a crosswalk of the library's own."""
    return lambda record, *_: crosswalk.dumps(crosswalk_.of(record)).decode()


def opening(base_url: str, as_of: datetime, arguments: Mapping[str, str]) -> str:
    """Everything before the answer proper. Without arguments the request is not repeated (badVerb, badArgument)."""
    said = "".join(f" {name}={quoted(value)}" for name, value in arguments.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{OAI}" xmlns:xsi="{_XSI}"'
        f' xsi:schemaLocation="{OAI} {OAI}OAI-PMH.xsd"><responseDate>{stamp(as_of)}</responseDate>'
        f"<request{said}>{told(base_url)}</request>\n"
    )


CLOSING: Final = "</OAI-PMH>\n"


def error(fault: Fault) -> str:
    """An error."""
    return f'<error code="{fault.code}">{told(fault.message)}</error>\n'


def identify(*, name: str, base_url: str, email: str, earliest: datetime, namespace: str) -> str:
    """Who we are."""
    sample = identifier(namespace, UUID(int=0))
    return group(
        "Identify",
        leaf("repositoryName", name),
        leaf("baseURL", base_url),
        leaf("protocolVersion", "2.0"),
        leaf("adminEmail", email),
        leaf("earliestDatestamp", stamp(earliest)),
        leaf("deletedRecord", "persistent"),
        leaf("granularity", "YYYY-MM-DDThh:mm:ssZ"),
        leaf("compression", "gzip"),
        f'<description><oai-identifier xmlns="{_IDENTIFIER}"'
        f' xsi:schemaLocation="{_IDENTIFIER} {_IDENTIFIER}.xsd"><scheme>oai</scheme>'
        f"{leaf('repositoryIdentifier', namespace)}<delimiter>:</delimiter>"
        f"{leaf('sampleIdentifier', sample)}</oai-identifier></description>",
    )


def formats(own: Iterable[str] = ()) -> str:
    """Every format; each record is to be had in each of them. The library's own are Dublin Core."""
    schemas = {**SCHEMAS, **dict.fromkeys(own, SCHEMAS["oai_dc"])}
    return group(
        "ListMetadataFormats",
        *(
            group(
                "metadataFormat",
                leaf("metadataPrefix", prefix),
                leaf("schema", schema),
                leaf("metadataNamespace", namespace),
            )
            for prefix, (schema, namespace) in schemas.items()
        ),
    )


def sets(rows: Sequence[tuple[str, str, str]]) -> str:
    """The sets."""
    return group(
        "ListSets",
        *(
            group("set", leaf("setSpec", code), leaf("setName", name), _described(description))
            for code, name, description in rows
        ),
    )


def _described(text: str) -> str:
    """A set's description, as Dublin Core (§4.6)."""
    if not text.strip():
        return ""
    return (
        f'<setDescription><oai_dc:dc xmlns:oai_dc="{crosswalk.OAI_DC}" xmlns:dc="{_DC}"'
        f' xsi:schemaLocation="{crosswalk.OAI_DC} {SCHEMAS["oai_dc"][0]}">{leaf("dc:description", text)}'
        "</oai_dc:dc></setDescription>"
    )


def header(row: Header, namespace: str, *, deleted: bool) -> str:
    """A record's header."""
    return group(
        "header",
        leaf("identifier", identifier(namespace, row.title_id)),
        leaf("datestamp", stamp(row.datestamp)),
        *(leaf("setSpec", code) for code in row.sets),
        status="deleted" if deleted else None,
    )


def headers(rows: Sequence[Header], namespace: str) -> str:
    """The headers of a list."""
    return "".join([header(row, namespace, deleted=row.deleted) for row in rows])


def written(
    rows: Sequence[Header],
    packed: Mapping[UUID, bytes],
    held: Mapping[UUID, Sequence[Field]],
    writer: Writer,
    namespace: str,
) -> Iterator[str]:
    """Records; one that is not public now is told as deleted, whatever its row says. Costs CPU."""
    for row in rows:
        stored = None if row.deleted else packed.get(row.title_id)
        if stored is None:
            yield f"<record>{header(row, namespace, deleted=True)}</record>\n"
            continue
        body = writer(unpack(stored), held.get(row.title_id, ()), row.title_id)
        yield f"<record>{header(row, namespace, deleted=False)}<metadata>{body}</metadata></record>\n"


def resumption(told_token: str, *, size: int, cursor: int) -> str:
    """Where the list goes on; empty at its end."""
    return (
        f'<resumptionToken completeListSize="{size}" cursor="{cursor}">{told(told_token)}</resumptionToken>'
    )
