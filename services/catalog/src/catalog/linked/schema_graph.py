"""A title in schema.org's words as a graph, with the addresses of whoever made it and of what it is about."""

from typing import Final

from catalog.citations.csl import Csl
from catalog.citations.schema_org import TYPES
from catalog.citations.text import one_line
from catalog.linked.graph import Graph, Iri, Literal, Node, web_address
from catalog.linked.headings import contributions, subjects
from catalog.marc.extract import Facts
from catalog.marc.record import Record
from catalog.pages.languages import language_of, tag

_ROLES: Final = {
    "aut": "author", "edt": "editor", "trl": "translator", "ill": "illustrator", "cmp": "composer", "drt": "director",
}  # fmt: skip
_WORDS: Final = {
    "author": "author", "editor": "editor", "translator": "translator", "illustrator": "illustrator",
    "composer": "composer", "director": "director", "film director": "director",
}  # fmt: skip
_KINDS: Final = {"Person": "Person", "Organization": "Organization", "Meeting": "Event", "Place": "Place"}


def schema_org(record: Record, facts: Facts, item: Csl, *, address: str, shared: str = "") -> Graph:
    """The title at `address`; `item` is its CSL, `shared` the address of the work over this and other editions."""
    graph = Graph()
    title = Iri(address)
    graph.kind(title, f"schema:{TYPES.get(item['type'], 'CreativeWork')}")
    lang = language_of(item["title"], facts.languages)
    graph.say(title, "schema:name", item["title"], None if lang == "und" else lang)
    graph.say(title, "schema:alternateName", one_line(facts.original_title))
    graph.say(title, "schema:identifier", item["id"])
    graph.say(title, "schema:url", title)
    graph.say(title, "schema:exampleOfWork", Iri(shared) if shared else None)
    for each in contributions(record):
        who: Node = each.iri or graph.blank()
        graph.kind(who, f"schema:{_KINDS[each.kind]}")
        graph.say(who, "schema:name", each.label)
        roles = [_ROLES[code] for code in each.codes if code in _ROLES]
        roles += [_WORDS[term.casefold()] for term in each.terms if term.casefold() in _WORDS]
        said = bool(each.codes or each.terms)
        usual = "author" if each.primary or not said else "contributor"
        for role in dict.fromkeys(roles or [usual]):
            graph.say(title, f"schema:{role}", who)
    for iri, kind, label, _ in subjects(record):
        thing: Node = iri or graph.blank()
        graph.kind(thing, f"schema:{_KINDS.get(kind, 'Thing')}")
        graph.say(thing, "schema:name", label)
        graph.say(title, "schema:about", thing)
    if facts.publisher:
        house = graph.blank("schema:Organization")
        graph.say(house, "schema:name", one_line(facts.publisher))
        graph.say(title, "schema:publisher", house)
    if facts.year is not None:
        graph.say(title, "schema:datePublished", Literal(f"{facts.year:04d}", datatype="xsd:gYear"))
    for code in facts.languages:
        graph.say(title, "schema:inLanguage", tag(code))
    for name, values in (("isbn", facts.isbns), ("issn", facts.issns), ("genre", facts.genres)):
        for value in values:
            graph.say(title, f"schema:{name}", one_line(value))
    graph.say(title, "schema:bookEdition", one_line(facts.edition))
    graph.say(title, "schema:description", one_line(facts.summary))
    if "DOI" in item:
        graph.say(title, "schema:sameAs", web_address(f"https://doi.org/{item['DOI']}"))
    for url in facts.urls:
        graph.say(title, "schema:sameAs", web_address(url))
    for series in facts.series:
        shelf = graph.blank("schema:CreativeWorkSeries")
        graph.say(shelf, "schema:name", one_line(series))
        graph.say(title, "schema:isPartOf", shelf)
    return graph
