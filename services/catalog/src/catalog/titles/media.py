"""The media types a record is read and written in, and how a client's wish is met (RFC 9110 §12.5.1)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from catalog.citations import bibtex, csl, endnote, ris, schema_org
from catalog.citations.styles import offered
from catalog.linked import forms
from catalog.linked.bibframe import bibframe
from catalog.linked.graph import Graph
from catalog.linked.schema_graph import schema_org as schema_graph
from catalog.marc import crosswalk, iso2709, marcjson, marcxml, mets, mods
from catalog.marc.extract import extract
from catalog.marc.problems import Read, acceptable
from catalog.marc.reading import MARC, MARC_JSON, MARCXML, MEDIA_TYPES, METS, MODS, read
from catalog.marc.record import Field, Record
from chassis.problems import Invalid, NotAcceptable, Reason, Unsupported

JSON: Final = "application/json"
DUBLIN_CORE: Final = "application/xml"
"""Simple Dublin Core in an `oai_dc:dc` element: what harvesters mean when they ask for plain XML."""
RIS: Final = "application/x-research-info-systems"
ENDNOTE: Final = "application/x-endnote-refer"
"""EndNote's tagged format, in files that end with `.enw`."""
BIBTEX: Final = "application/x-bibtex"
CSL: Final = "application/vnd.citationstyles.csl+json"
JSON_LD: Final = "application/ld+json"
"""schema.org's terms, unless the parameter `profile` says BIBFRAME."""
TURTLE: Final = "text/turtle"
RDF_XML: Final = "application/rdf+xml"
GRAPHS: Final[Mapping[str, Callable[[Graph], bytes]]] = {
    TURTLE: forms.turtle,
    RDF_XML: forms.rdf_xml,
    JSON_LD: forms.json_ld,
}
"""Linked data; in BIBFRAME, unless the parameter `profile` (RFC 6906) says schema.org."""
BIBFRAME: Final = "http://id.loc.gov/ontologies/bibframe/"
SCHEMA_ORG: Final = "https://schema.org/"
BIBLIOGRAPHY: Final = "text/x-bibliography"
"""A formatted citation; the parameters `style` and `locale` say which (as DOI's registries take them)."""
OFFERS: Final = (
    JSON,
    MARC,
    MARCXML,
    MARC_JSON,
    DUBLIN_CORE,
    MODS,
    METS,
    RIS,
    ENDNOTE,
    BIBTEX,
    CSL,
    JSON_LD,
    TURTLE,
    RDF_XML,
    BIBLIOGRAPHY,
)
ALIASES: Final = {
    "application/x-marc": MARC,
    "application/oai_dc+xml": DUBLIN_CORE,
    "text/xml": DUBLIN_CORE,
    "text/x-bibtex": BIBTEX,
    "application/x-refer": ENDNOTE,
}


def told(content_type: str | None, *, known: Iterable[str] = MEDIA_TYPES) -> str:
    """The media type of a body; `Unsupported` names the ones that are taken."""
    bare = (content_type or "").partition(";")[0].strip().lower()
    bare = ALIASES.get(bare, bare)
    if bare in known:
        return bare
    taken = ", ".join(known)
    raise Unsupported(
        f"{bare or 'Nothing'} is not read here.",
        reasons=[Reason("content-type", f"Records are taken as {taken}.", "Content-Type", f"Send {taken}.")],
        headers={"Accept-Post": taken},
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """One range of an Accept header."""

    kind: str
    quality: float
    parameters: Mapping[str, str]

    def weight(self, offer: str) -> int:
        """How closely it names the offer: 3 exactly, 2 its main type, 1 anything, 0 not at all."""
        if self.kind == offer:
            return 3
        if self.kind == "*/*":
            return 1
        return 2 if self.kind.endswith("/*") and offer.startswith(self.kind[:-1]) else 0


def wishes(accept: str) -> list[Wish]:
    """An Accept header's ranges; what cannot be read is left out."""
    found = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        kind = ALIASES.get(kind, kind)
        quality, others = 1.0, {}
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() != "q":
                others[name.strip()] = value.strip().strip('"')
            else:
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        if "/" in kind:
            found.append(Wish(kind, quality, others))
    return found


def chosen(accept: str | None, offers: Sequence[str]) -> str:
    """The offer that the client likes best; ours first among equals; `NotAcceptable` names all offers."""
    asked = wishes(accept) if accept and accept.strip() else [Wish("*/*", 1.0, {})]
    best, liked = "", 0.0
    for offer in offers:
        closest = max(asked, key=lambda wish: wish.weight(offer), default=None)
        if closest is None or not closest.weight(offer):
            continue
        if closest.quality > liked:
            best, liked = offer, closest.quality
    if not best:
        raise NotAcceptable(
            reasons=[
                Reason(
                    "accept", f"This can be given as {', '.join(offers)}.", "Accept", "Ask for one of these."
                )
            ]
        )
    if best == BIBLIOGRAPHY:
        styled(accept)
    return best


def styled(accept: str | None) -> tuple[str, str | None]:
    """The style and the locale that an Accept header asks for; `NotAcceptable` names all styles."""
    asked = next((each.parameters for each in wishes(accept or "") if each.kind == BIBLIOGRAPHY), {})
    style = offered.style_named(asked.get("style"))
    if style is None:
        raise NotAcceptable(
            reasons=[
                Reason(
                    "style-unknown",
                    f"There is no style {asked['style'][:80]!r}.",
                    "Accept",
                    f"Ask for one of {', '.join(offered.STYLES)}.",
                )
            ]
        )
    return style, asked.get("locale")


def vocabulary(accept: str | None, kind: str) -> str:
    """The vocabulary that linked data is wanted in, as its address."""
    asked = next((each.parameters for each in wishes(accept or "") if each.kind == kind), {})
    for each in asked.get("profile", "").split():
        if each.rstrip("/") == BIBFRAME.rstrip("/"):
            return BIBFRAME
        if each.rstrip("/").removeprefix("http://").removeprefix("https://") == "schema.org":
            return SCHEMA_ORG
    return SCHEMA_ORG if kind == JSON_LD else BIBFRAME


def held(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this already (RFC 9110 §13.1.2: compared weakly; a list, or * for anything)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


def content_tag(content: bytes) -> str:
    """The ETag of what tells of more than the title's own record."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def written(
    record: Record,
    kind: str,
    *,
    key: str,
    accept: str | None = None,
    address: str = "",
    work: str = "",
    copies: Sequence[Any] = (),
    embedded: Sequence[Field] = (),
) -> bytes:
    """A record in one of the media types that we write; `key` is what a citation calls the title.

    `accept` is what was asked for, where its parameters matter; `address` is the title's own on the web, `work` that of
    the work over it and its other editions, and `copies` are those that linked data tells of; `embedded` are the
    holdings and items that METS tells of.
    """
    if kind == MARC:
        try:
            return iso2709.dumps(record)
        except iso2709.Inexpressible as error:
            raise NotAcceptable(
                "This record cannot be said in ISO 2709.",
                reasons=[Reason("inexpressible", str(error), "Accept", f"Ask for {MARCXML}.")],
            ) from error
    if kind == MARCXML:
        return marcxml.dumps(record)
    if kind == MARC_JSON:
        return marcjson.dumps(record)
    if kind == MODS:
        return mods.dumps(record).encode()
    if kind == METS:
        return mets.dumps(record, embedded, key=key).encode()
    if kind in GRAPHS and (kind != JSON_LD or vocabulary(accept, kind) != SCHEMA_ORG):
        facts = extract(record)
        if vocabulary(accept, kind) == SCHEMA_ORG:
            item = csl.csl(record, key=key)
            return GRAPHS[kind](schema_graph(record, facts, item, address=address, shared=work))
        return GRAPHS[kind](bibframe(record, facts, copies, address=address, number=key, shared=work))
    if kind == JSON_LD:
        return schema_org.dumps(csl.csl(record, key=key), work=work)
    if kind in CITED:
        return CITED[kind](csl.csl(record, key=key))
    if kind == BIBLIOGRAPHY:
        style, locale = styled(accept)
        return (offered.text(csl.csl(record, key=key), style, locale) + "\n").encode()
    return crosswalk.dumps(crosswalk.dublin_core(record))


CITED: Final[Mapping[str, Callable[[csl.Csl], bytes]]] = {
    RIS: lambda item: ris.dumps(item).encode(),
    ENDNOTE: lambda item: endnote.dumps(item).encode(),
    BIBTEX: lambda item: bibtex.dumps(item).encode(),
    CSL: lambda item: orjson.dumps([item]),
}


def one_record(body: bytes, kind: str, *, limit: int) -> Record:
    """The record in a body; `Invalid` tells everything that is wrong with it. Costs CPU: call it in a thread."""
    found: list[Read] = []
    for each in read(body, kind, max_record=limit):
        found.append(each)
        if len(found) > 1:
            break
    if not found:
        raise Invalid(reasons=[Reason("no-record", "There is no record in the body.", mend="Send one.")])
    if len(found) > 1:
        raise Invalid(
            reasons=[
                Reason("several-records", "There is more than one record.", mend="Send files to /v1/imports.")
            ]
        )
    if found[0].record is None or not acceptable(found[0].problems):
        raise Invalid(
            "The record is damaged; nothing was stored.",
            reasons=[
                Reason(f"record-{problem.code.value}", problem.message, problem.where or None)
                for problem in found[0].problems
            ],
        )
    return found[0].record
