"""A title in BIBFRAME 2 (Library of Congress): its work, its instance, and the copies that the public sees."""

from collections.abc import Sequence
from typing import Any, Final

from catalog.citations.csl import doi_of
from catalog.citations.text import clean, one_line
from catalog.linked.graph import Graph, Iri, Literal, Node, web_address
from catalog.linked.headings import Contribution, contributions, subjects
from catalog.marc.extract import Facts
from catalog.marc.record import Field, Record
from catalog.pages.languages import language_of

_WORKS: Final = {
    "book": "Text", "e-book": "Text", "journal": "Text", "e-journal": "Text", "score": "NotatedMusic",
    "map": "Cartography", "film": "MovingImage", "audio": "Audio", "music": "Audio",
    "picture": "StillImage", "software": "Multimedia", "kit": "MixedMaterial", "archive": "Collection",
    "object": "Object",
}  # fmt: skip
_LANGUAGES: Final = "http://id.loc.gov/vocabulary/languages/"
_RELATORS: Final = "http://id.loc.gov/vocabulary/relators/"
_CLASSES: Final = {"050": "Lcc", "060": "Nlm", "082": "Ddc", "086": "Classification"}


def bibframe(
    record: Record, facts: Facts, copies: Sequence[Any], *, address: str, number: str, shared: str = ""
) -> Graph:
    """The title at `address`, whose parts are named within it: `#work`, `#instance`, `#item-1`.

    `copies` have `barcode`, `call_number`, `library` and `location`; `number` is the title's own; `shared` is the
    address of the work over this and other editions and translations (`catalog.works`), which BIBFRAME calls a hub.
    """
    graph = Graph()
    work, instance = Iri(f"{address}#work"), Iri(f"{address}#instance")
    _work(graph, work, record, facts)
    if shared:
        graph.say(work, "bf:expressionOf", Iri(f"{shared}#hub"))
    graph.say(work, "bf:hasInstance", instance)
    _instance(graph, instance, record, facts, number)
    graph.say(instance, "bf:instanceOf", work)
    for place, copy in enumerate(copies, 1):
        _item(graph, Iri(f"{address}#item-{place}"), instance, copy)
    return graph


def _work(graph: Graph, work: Iri, record: Record, facts: Facts) -> None:
    graph.kind(work, "bf:Work", f"bf:{_WORKS.get(facts.format, 'Work')}")
    uniform = next((each for each in record.fields("130", "240") if not each.is_control), None)
    if uniform is not None:
        _title(graph, work, clean(" ".join(uniform.all("adfgklmnoprs"))), None, None)
    else:
        _titles(graph, work, record, facts)
    for each in contributions(record):
        node = contribution(graph, work, each, primary=each.primary)
        for term in each.terms if not each.codes else ():
            role = graph.blank("bf:Role")
            graph.say(role, "rdfs:label", term)
            graph.say(node, "bf:role", role)
    for code in facts.languages:
        if len(code) == 3:
            graph.say(work, "bf:language", Iri(_LANGUAGES + code.lower()))
    for iri, kind, label, source in subjects(record):
        node_of: Node = iri or graph.blank()
        graph.kind(node_of, f"bf:{kind}")
        graph.say(node_of, "rdfs:label", label)
        if source is not None:
            at = graph.blank("bf:Source")
            graph.say(at, "bf:code", source)
            graph.say(node_of, "bf:source", at)
        graph.say(work, "bf:subject", node_of)
    for genre in facts.genres:
        _labelled(graph, work, "bf:genreForm", "bf:GenreForm", genre)
    for field in record.fields(*_CLASSES):
        if not field.is_control and (portion := clean(field.get("a"))):
            kind = _CLASSES[field.tag]
            node = graph.blank(
                "bf:Classification" if kind == "Classification" else f"bf:Classification{kind}"
            )
            graph.say(node, "bf:classificationPortion", portion)
            graph.say(node, "bf:itemPortion", clean(field.get("b")))
            graph.say(work, "bf:classification", node)
    if facts.summary:
        _labelled(graph, work, "bf:summary", "bf:Summary", facts.summary)
    for contents in facts.contents:
        _labelled(graph, work, "bf:tableOfContents", "bf:TableOfContents", contents)


def contribution(graph: Graph, work: Node, told: Contribution, *, primary: bool) -> Node:
    """Somebody's part in a work, and what kind of part by codes of relators; more can be said of it."""
    node = graph.blank("bf:Contribution")
    if primary:
        graph.kind(node, "bflc:PrimaryContribution")
    graph.say(work, "bf:contribution", node)
    agent: Node = told.iri or graph.blank()
    graph.kind(agent, "bf:Agent", f"bf:{told.kind}")
    graph.say(agent, "rdfs:label", told.label)
    graph.say(node, "bf:agent", agent)
    for code in told.codes:
        graph.say(node, "bf:role", Iri(_RELATORS + code))
    return node


def _titles(graph: Graph, node: Node, record: Record, facts: Facts) -> None:
    """As it is transcribed, and as it stands in the other script."""
    for field in (record.first("245"), _original(record)):
        if field is not None and not field.is_control:
            main = clean(" ".join(field.all("anp")))
            _title(graph, node, main, clean(" ".join(field.all("b"))), language_of(main, facts.languages))


def _original(record: Record) -> Field | None:
    return next((each for each in record.fields("880") if (each.get("6") or "").startswith("245-")), None)


def _title(graph: Graph, node: Node, main: str, rest: str | None, lang: str | None) -> None:
    if main:
        title = graph.blank("bf:Title")
        lang = None if lang == "und" else lang
        graph.say(title, "bf:mainTitle", main, lang)
        graph.say(title, "bf:subtitle", rest, lang)
        graph.say(node, "bf:title", title)


def _labelled(graph: Graph, node: Node, what: str, kind: str, label: str | None) -> None:
    if told := one_line(label):
        thing = graph.blank(kind)
        graph.say(thing, "rdfs:label", told)
        graph.say(node, what, thing)


def _identified(graph: Graph, node: Node, kind: str, value: str | None, source: str | None = None) -> None:
    if told := one_line(value):
        number = graph.blank(f"bf:{kind}")
        graph.say(number, "rdf:value", told)
        if source:
            _labelled(graph, number, "bf:assigner", "bf:Agent", source)
        graph.say(node, "bf:identifiedBy", number)


def _instance(graph: Graph, instance: Iri, record: Record, facts: Facts, number: str) -> None:
    graph.kind(instance, "bf:Instance")
    if facts.format in ("e-book", "e-journal"):
        graph.kind(instance, "bf:Electronic")
    elif facts.format in ("book", "journal", "map", "score"):
        graph.kind(instance, "bf:Print")
    _titles(graph, instance, record, facts)
    graph.say(instance, "bf:responsibilityStatement", one_line(facts.responsibility))
    if facts.publisher or facts.place or facts.year is not None:
        made = graph.blank("bf:Publication")
        _labelled(graph, made, "bf:place", "bf:Place", facts.place)
        _labelled(graph, made, "bf:agent", "bf:Agent", facts.publisher)
        if facts.year is not None:
            graph.say(made, "bf:date", Literal(f"{facts.year:04d}", datatype="xsd:gYear"))
        graph.say(instance, "bf:provisionActivity", made)
    graph.say(instance, "bf:editionStatement", one_line(facts.edition))
    for series in facts.series:
        graph.say(instance, "bf:seriesStatement", one_line(series))
    for field in record.fields("300"):
        if not field.is_control:
            _labelled(graph, instance, "bf:extent", "bf:Extent", clean(" ".join(field.all("a"))))
            graph.say(instance, "bf:dimensions", clean(" ".join(field.all("c"))))
    for kind, values in (("Isbn", facts.isbns), ("Issn", facts.issns)):
        for value in values:
            _identified(graph, instance, kind, value)
    _identified(graph, instance, "Lccn", facts.lccn)
    _identified(graph, instance, "Doi", doi_of(record))
    for oclc in facts.oclc_numbers:
        _identified(graph, instance, "Local", oclc, "OCoLC")
    _identified(graph, instance, "Local", facts.control_number, facts.control_agency)
    _identified(graph, instance, "Local", number)
    for url in facts.urls:
        graph.say(instance, "bf:electronicLocator", web_address(url))
    for note in facts.notes:
        _labelled(graph, instance, "bf:note", "bf:Note", note)


def _item(graph: Graph, item: Iri, instance: Iri, copy: Any) -> None:
    graph.kind(item, "bf:Item")
    graph.say(item, "bf:itemOf", instance)
    graph.say(instance, "bf:hasItem", item)
    _identified(graph, item, "Barcode", copy.barcode)
    _labelled(graph, item, "bf:shelfMark", "bf:ShelfMark", copy.call_number)
    _labelled(graph, item, "bf:heldBy", "bf:Agent", copy.library)
    _labelled(graph, item, "bf:sublocation", "bf:Sublocation", copy.location)
