"""A work as linked data: BIBFRAME's hub over the works of its titles, or schema.org's work over its examples. Pure."""

from collections.abc import Iterator, Sequence

from catalog.linked.bibframe import contribution
from catalog.linked.graph import Graph, Iri, Node, web_address
from catalog.linked.headings import Contribution, contributions
from catalog.marc.record import Record
from catalog.pages.languages import tag
from catalog.works.describing import Described

_LANGUAGES = "http://id.loc.gov/vocabulary/languages/"
_KINDS = {"Person": "Person", "Organization": "Organization", "Meeting": "Event"}


def hub(told: Described, record: Record, titles: Sequence[str], *, address: str) -> Graph:
    """The work at `address` in BIBFRAME 2, where a work of several expressions is a hub: `#hub` there.

    `record` is its eldest title's, of whose makers those are the work's who made it; `titles` are the addresses of all,
    each of which has an expression (`#work`).
    """
    graph = Graph()
    work = Iri(f"{address}#hub")
    graph.kind(work, "bf:Hub")
    title = graph.blank("bf:Title")
    graph.say(title, "bf:mainTitle", told.title)
    graph.say(work, "bf:title", title)
    for each in _makers(record):
        contribution(graph, work, each, primary=True)
    for code in told.original_languages:
        graph.say(work, "bf:language", Iri(_LANGUAGES + code.lower()))
    for other in told.addresses:
        graph.say(work, "rdfs:seeAlso", web_address(other))
    for at in titles:
        graph.say(work, "bf:hasExpression", Iri(f"{at}#work"))
        graph.say(Iri(f"{at}#work"), "bf:expressionOf", work)
    return graph


def creative_work(told: Described, record: Record, titles: Sequence[str], *, address: str) -> Graph:
    """The same in schema.org's words: the work at `address` itself, and its titles, each an example of it."""
    graph = Graph()
    work = Iri(address)
    graph.kind(work, "schema:CreativeWork")
    graph.say(work, "schema:name", told.title)
    for each in _makers(record):
        who: Node = each.iri or graph.blank()
        graph.kind(who, f"schema:{_KINDS[each.kind]}")
        graph.say(who, "schema:name", each.label)
        graph.say(work, "schema:author", who)
    for code in told.original_languages:
        graph.say(work, "schema:inLanguage", tag(code))
    for other in told.addresses:
        graph.say(work, "schema:sameAs", web_address(other))
    for at in titles:
        graph.say(work, "schema:workExample", Iri(at))
        graph.say(Iri(at), "schema:exampleOfWork", work)
    return graph


def _makers(record: Record) -> Iterator[Contribution]:
    """Who made the work; translators and the like have a part in an expression alone."""
    return (each for each in contributions(record) if each.primary)
