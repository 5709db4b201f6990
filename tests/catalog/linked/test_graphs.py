"""Linked data as another library reads it."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given, settings
from rdflib import RDF, RDFS, Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic

from catalog.citations.csl import csl
from catalog.linked import forms, graph
from catalog.linked.bibframe import bibframe
from catalog.linked.headings import authority
from catalog.linked.schema_graph import schema_org
from catalog.marc import iso2709
from catalog.marc.extract import extract
from catalog.marc.record import Field, Record
from chassis.principal import ANONYMOUS
from support.harness import Harness
from support.marc_records import LEADER, RECORDS
from support.shared_data import shared_data
from support.shelves import Shelves, file_of, record, with_items

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # rdflib's own
BF, SCHEMA = Namespace("http://id.loc.gov/ontologies/bibframe/"), Namespace("http://schema.org/")
AT: Final = "https://library.example/titles/1"
FORMS = {"turtle": forms.turtle, "xml": forms.rdf_xml, "json-ld": forms.json_ld}
WAR = Record(
    LEADER,
    [
        Field.control("001", "w1"),
        Field.control("003", "XX"),
        Field.control("008", "260101s1993    ru                  rus d"),
        Field.data("020", "  ", ("a", "9785170949458")),
        Field.data("024", "7 ", ("a", "10.1000/182"), ("2", "doi")),
        Field.data("050", " 0", ("a", "PG3365"), ("b", ".V65")),
        Field.data(
            "100", "1 ", ("6", "880-01"), ("a", "Tolstoĭ, Lev,"), ("0", "(DE-588)118623257"), ("e", "author.")
        ),
        Field.data("240", "10", ("a", "Voĭna i mir."), ("l", "Russian")),
        Field.data(
            "245",
            "10",
            ("6", "880-02"),
            ("a", "Voĭna i mir :"),
            ("b", 'a "novel" & <more>\\'),
            ("c", "L. T."),
        ),
        Field.data("264", " 1", ("a", "Moskva :"), ("b", "AST,"), ("c", "1993.")),
        Field.data("300", "  ", ("a", "900 pages ;"), ("c", "22 cm")),
        Field.data(
            "650", " 0", ("a", "War stories."), ("0", "http://id.loc.gov/authorities/subjects/sh85145132")
        ),
        Field.data("651", " 7", ("a", "Russia"), ("2", "fast"), ("0", "(FAST)fst01207312")),
        Field.data("700", "1 ", ("a", "Maude, Aylmer"), ("4", "http://id.loc.gov/vocabulary/relators/trl")),
        Field.data(
            "856", "40", ("u", "https://e.org/?a=1&b=2"), ("u", "javascript:x"), ("u", "https://e.org/a b")
        ),
        Field.data("880", "10", ("6", "245-02/(N"), ("a", "Война и мир")),
    ],
)


@dataclass
class Copy:
    """A copy that the public sees."""

    barcode: str | None = "B1"
    call_number: str | None = "PG3365 .V65"
    library: str | None = "Main library"
    location: str | None = "Stacks"


def of(made: Record, *copies: Any) -> graph.Graph:
    return bibframe(made, extract(made), copies, address=AT, number="t1")


def in_schema(made: Record) -> graph.Graph:
    return schema_org(made, extract(made), csl(made, key="t1"), address=AT)


def read(told: bytes, form: str) -> Graph:
    return Graph().parse(data=told, format=form, publicID=AT)


def said(found: Graph, *path: Any) -> list[str]:
    """What stands at the end of a path from the title."""
    nodes: list[Any] = [path[0]]
    for step in path[1:]:
        nodes = [value for node in nodes for value in found.objects(node, step)]
    return sorted(map(str, nodes))


@pytest.fixture(scope="module")
def war() -> Graph:
    return read(forms.turtle(of(WAR, Copy())), "turtle")


def test_a_title_is_a_work_an_instance_and_its_copies(war: Graph) -> None:
    work, instance, item = (URIRef(f"{AT}#{part}") for part in ("work", "instance", "item-1"))

    assert {str(kind).rpartition("/")[2] for kind in war.objects(work, RDF.type)} == {"Work", "Text"}
    assert (
        list(war.objects(instance, BF.instanceOf)) == list(war.subjects(BF.hasInstance, instance)) == [work]
    )
    assert list(war.objects(item, BF.itemOf)) == [instance]
    assert said(war, work, BF.title, BF.mainTitle) == ["Voĭna i mir. Russian"]
    assert set(war.objects(predicate=BF.mainTitle)) >= {
        Literal("Voĭna i mir", lang="ru-Latn"), Literal("Война и мир", lang="ru"),
    }  # fmt: skip
    assert said(war, instance, BF.title, BF.subtitle) == ['a "novel" & <more>\\']
    assert said(war, work, BF.language) == ["http://id.loc.gov/vocabulary/languages/rus"]
    assert said(war, instance, BF.provisionActivity, BF.place, RDFS.label) == ["Moskva"]
    assert said(war, instance, BF.provisionActivity, BF.date) == ["1993"]
    assert said(war, instance, BF.identifiedBy, RDF.value) == ["10.1000/182", "9785170949458", "t1", "w1"]
    assert said(war, work, BF.classification, BF.itemPortion) == [".V65"]
    assert said(war, item, BF.identifiedBy, RDF.value) == ["B1"]
    assert said(war, item, BF.heldBy, RDFS.label) == ["Main library"]


def test_people_and_subjects_have_the_addresses_of_their_authorities(war: Graph) -> None:
    work = URIRef(f"{AT}#work")
    tolstoy = URIRef("https://d-nb.info/gnd/118623257")

    assert (tolstoy, RDFS.label, Literal("Tolstoĭ, Lev")) in war
    assert said(war, work, BF.contribution, BF.role) == ["http://id.loc.gov/vocabulary/relators/trl"] + [
        each for each in said(war, work, BF.contribution, BF.role) if not each.startswith("http")
    ]
    assert "author" in said(war, work, BF.contribution, BF.role, RDFS.label)
    assert said(war, work, BF.subject) == [
        "http://id.loc.gov/authorities/subjects/sh85145132",
        "http://id.worldcat.org/fast/01207312",
    ]
    assert said(war, URIRef(f"{AT}#instance"), BF.electronicLocator) == ["https://e.org/?a=1&b=2"]


def test_the_same_in_schema_orgs_words() -> None:
    found = read(forms.turtle(in_schema(WAR)), "turtle")
    title = URIRef(AT)

    assert said(found, title, RDF.type) == [str(SCHEMA.Book)]
    assert said(found, title, SCHEMA.author) == ["https://d-nb.info/gnd/118623257"]
    assert said(found, title, SCHEMA.translator, SCHEMA.name) == ["Maude, Aylmer"]
    assert said(found, title, SCHEMA.inLanguage) == ["ru"]
    assert said(found, title, SCHEMA.alternateName) == ["Война и мир"]
    assert "http://id.loc.gov/authorities/subjects/sh85145132" in said(found, title, SCHEMA.about)
    assert said(found, title, SCHEMA.sameAs) == ["https://doi.org/10.1000/182", "https://e.org/?a=1&b=2"]


@pytest.mark.parametrize(
    ("subfields", "address"),
    [
        ([("1", "https://viaf.org/viaf/9"), ("0", "https://x.example/1")], "https://viaf.org/viaf/9"),
        ([("0", "(DLC)n  79021164")], None),
        ([("0", "(DLC)n79021164")], "http://id.loc.gov/authorities/names/n79021164"),
        ([("0", "(DLC)sh 85145132")], None),
        ([("0", "(DLC)sh85145132")], "http://id.loc.gov/authorities/subjects/sh85145132"),
        ([("0", "(uri)http://x.example/a")], "http://x.example/a"),
        ([("0", "(nowhere)1")], None),
        ([("0", "http://x.example/a b")], None),
        ([("0", 'http://x.example/"><x>')], None),
        ([("0", "javascript:alert(1)")], None),
    ],
)
def test_an_authority_has_an_address_where_the_record_gives_one(
    subfields: list[tuple[str, str]], address: str | None
) -> None:
    found = authority(Field.data("100", "1 ", ("a", "X"), *subfields))

    assert (found.iri if found else None) == address


def agree(made: graph.Graph) -> None:
    """All forms are read, and say as much as was stated."""
    read_as = {form: read(write(made), form) for form, write in FORMS.items()}
    assert {form: len(found) for form, found in read_as.items()} == dict.fromkeys(FORMS, len(made.statements))


def test_every_form_says_the_same() -> None:
    for made in (of(WAR, Copy(), Copy(barcode=None)), in_schema(WAR)):
        turtle, xml, json_ld = (read(write(made), form) for form, write in FORMS.items())
        assert isomorphic(turtle, xml)
        assert isomorphic(turtle, json_ld)


@settings(max_examples=25, deadline=None)
@given(RECORDS)
def test_any_record_becomes_linked_data(made: Record) -> None:
    agree(of(made, Copy(made.fields()[0].value, "\x00\ud800", "a\rb", '"')))
    agree(in_schema(made))


def test_real_records_become_linked_data() -> None:
    seen = 0
    for path in sorted(shared_data("marc", "bib").glob("*.mrc")):
        records = [
            each.record for each in iso2709.read(path.read_bytes()[:60_000]) if each.record is not None
        ]
        for made in records[:: max(1, len(records) // 2)]:
            seen += 1
            agree(of(made, Copy()))
            agree(in_schema(made))
    assert seen > 20


async def test_linked_data_is_given_at_the_titles_address(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(with_items(record("a"), ("B1", "MAIN", "STACKS"))), profile="local-999")
    title_id = str(await catalog.resources.pool.fetchval("SELECT id FROM title"))
    hidden = await shelves.title(record("h"), suppressed="true")
    page, data = f"/titles/{title_id}", f"/v1/titles/{title_id}"

    async def ask(path: str, accept: str) -> Any:
        return await catalog.get(path, headers={"Accept": accept})

    with catalog.asking(ANONYMOUS):
        led = await ask(page, "text/turtle, text/html;q=0.5")
        seen = await ask(page, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        turtle, xml = await ask(data, "text/turtle"), await ask(data, "application/rdf+xml")
        schema = await ask(data, 'application/rdf+xml; profile="https://schema.org/"')
        json_ld = await ask(data, f"application/ld+json; profile={BF}")
        plain = await ask(data, "application/ld+json")
        refused = [
            await ask(f"/titles/{hidden['id']}", "text/turtle"),
            await ask(f"/v1/titles/{hidden['id']}", "text/turtle"),
        ]

    assert (led.status_code, led.headers["location"], led.headers["vary"]) == (303, data, "Accept")
    assert (seen.status_code, seen.headers["vary"]) == (200, "Accept, Accept-Language")
    assert f'/v1/titles/{title_id}>; rel="describedby"; type="text/turtle"' in seen.headers["link"]
    found = read(turtle.content, "turtle")
    (instance,) = found.subjects(RDF.type, BF.Instance)
    assert str(instance).endswith(f"{page}#instance")
    assert isomorphic(found, read(xml.content, "xml"))
    assert isomorphic(found, read(json_ld.content, "json-ld"))
    assert said(found, next(found.subjects(RDF.type, BF.Item)), BF.identifiedBy, RDF.value) == ["B1"]
    assert (turtle.headers["content-type"], turtle.headers["vary"]) == (
        "text/turtle; charset=utf-8",
        "Accept",
    )
    assert f'<{BF}>; rel="profile"' in turtle.headers["link"]
    assert [str(kind) for kind in read(schema.content, "xml").objects(predicate=RDF.type)].count(
        str(SCHEMA.Book)
    ) == 1
    assert json.loads(plain.content)["@context"] == "https://schema.org"
    assert [each.status_code for each in refused] == [404, 404]


@pytest.mark.parametrize("kind", ["text/turtle", "application/mets+xml"])
async def test_what_tells_of_copies_is_new_when_one_of_them_changes(
    catalog: Harness, shelves: Shelves, kind: str
) -> None:
    await shelves.imported(file_of(with_items(record("a"), ("B1", "MAIN", "STACKS"))), profile="local-999")
    title_id = str(await catalog.resources.pool.fetchval("SELECT id FROM title"))

    async def ask(held: str) -> Any:
        return await catalog.get(f"/v1/titles/{title_id}", headers={"Accept": kind, "If-None-Match": held})

    first = await ask('"none"')
    same = await ask(first.headers["etag"])
    await catalog.resources.pool.execute("UPDATE item SET barcode = 'B2'")
    other = await ask(first.headers["etag"])

    assert (same.status_code, same.headers["etag"]) == (304, first.headers["etag"])
    assert (first.status_code, other.status_code) == (200, 200)
    assert b"B1" in first.content
    assert b"B2" in other.content
