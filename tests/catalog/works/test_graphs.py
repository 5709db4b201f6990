"""Works as linked data: a title names its work, whose address tells of all its titles."""

import json
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from rdflib import RDF, RDFS, Graph, Namespace, URIRef
from rdflib.compare import isomorphic

from catalog.linked import forms
from catalog.marc.record import Field, Record
from catalog.works.describing import Described
from catalog.works.following import step
from catalog.works.graphs import creative_work, hub
from chassis.principal import ANONYMOUS
from support.harness import Harness
from support.shelves import LEADER, Shelves, record

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # rdflib's own
BF, SCHEMA = Namespace("http://id.loc.gov/ontologies/bibframe/"), Namespace("http://schema.org/")
AT: Final = "https://library.example/v1/works/1"
TITLES: Final = ["https://library.example/titles/1", "https://library.example/titles/2"]
WAR: Final = Described(
    "Voĭna i mir", "Tolstoĭ, Lev", ["http://viaf.org/viaf/1", "urn:no-address-of-the-web"], ["rus"], [], []
)
RECORD: Final = Record(
    LEADER,
    [
        Field.data(
            "100", "1 ", ("a", "Tolstoĭ, Lev,"), ("0", "(DE-588)118623257"), ("e", "author"), ("4", "aut")
        ),
        Field.data("245", "10", ("a", "War and peace")),
        Field.data("700", "1 ", ("a", "Maude, Aylmer"), ("4", "trl")),
    ],
)
TOLSTOY: Final = URIRef("https://d-nb.info/gnd/118623257")


def read(told: bytes, form: str = "turtle") -> Graph:
    return Graph().parse(data=told, format=form, publicID=AT)


def test_a_work_is_a_hub_over_the_works_of_its_titles() -> None:
    made = hub(WAR, RECORD, TITLES, address=AT)
    told = read(forms.turtle(made))
    work = URIRef(f"{AT}#hub")

    assert list(told.subjects(RDF.type, BF.Hub)) == [work]
    assert [str(each) for title in told.objects(work, BF.title) for each in told.objects(title, BF.mainTitle)] == [
        "Voĭna i mir"
    ]  # fmt: skip
    assert {str(each) for each in told.objects(work, BF.hasExpression)} == {f"{each}#work" for each in TITLES}
    assert set(told.subjects(BF.expressionOf, work)) == set(told.objects(work, BF.hasExpression))
    assert [who for each in told.objects(work, BF.contribution) for who in told.objects(each, BF.agent)] == [
        TOLSTOY
    ], "a translator has a part in an expression alone"
    assert list(told.objects(work, BF.language)) == [URIRef("http://id.loc.gov/vocabulary/languages/rus")]
    assert list(told.objects(work, RDFS.seeAlso)) == [URIRef("http://viaf.org/viaf/1")]
    assert isomorphic(told, read(forms.rdf_xml(made), "xml"))
    assert isomorphic(told, read(forms.json_ld(made), "json-ld"))


def test_the_same_in_schema_orgs_words() -> None:
    told = read(forms.turtle(creative_work(WAR, RECORD, TITLES, address=AT)))
    work = URIRef(AT)

    assert list(told.subjects(RDF.type, SCHEMA.CreativeWork)) == [work]
    assert set(told.objects(work, SCHEMA.workExample)) == {URIRef(each) for each in TITLES}
    assert set(told.subjects(SCHEMA.exampleOfWork, work)) == {URIRef(each) for each in TITLES}
    assert list(told.objects(work, SCHEMA.author)) == [TOLSTOY]
    assert [str(each) for each in told.objects(work, SCHEMA.inLanguage)] == ["ru"]
    assert [str(each) for each in told.objects(work, SCHEMA.sameAs)] == ["http://viaf.org/viaf/1"]


async def test_a_title_names_its_work_whose_address_leads_to_its_other_titles(
    catalog: Harness, shelves: Shelves
) -> None:
    first, second, third = [
        await shelves.title(record(f"w{number}", title=title))
        for number, title in enumerate(("Walden", "Walden", "Cape Cod"))
    ]
    hidden = await shelves.title(record("w4"), suppressed="true")

    async def ask(path: str, accept: str = "text/turtle") -> Any:
        return await catalog.get(path, headers={"Accept": accept})

    early = await ask(f"/v1/titles/{first['id']}")
    while await step(catalog.resources.pool):
        pass
    with catalog.asking(ANONYMOUS):
        title = await ask(f"/v1/titles/{first['id']}")
        (address,) = read(title.content).objects(predicate=BF.expressionOf)
        path = urlsplit(str(address)).path
        work = await ask(path)
        plain = await ask(path, "application/ld+json")
        in_words = await ask(path, "text/turtle; profile=https://schema.org/")
        of_title = await ask(f"/v1/titles/{second['id']}", "application/ld+json")
        in_graph = await ask(f"/v1/titles/{second['id']}", 'text/turtle; profile="https://schema.org/"')
        told = await ask(path, "application/json")
        nobody = await ask(path, "image/png")
    other = (await catalog.get(f"/v1/titles/{third['id']}/work")).json()
    merged = await catalog.post(
        f"/v1/works/{other['id']}/merges",
        json={"merged": [told.json()["id"]]},
        headers={"If-Match": f'"{other["version"]}"'},
    )
    led = await ask(path)

    assert b"expressionOf" not in early.content
    found = read(work.content)
    assert {str(each).rpartition("/")[2] for each in found.objects(address, BF.hasExpression)} == {
        f"{first['id']}#work", f"{second['id']}#work",
    }  # fmt: skip
    assert hidden["id"].encode() not in work.content
    assert work.headers["etag"] != told.headers["etag"]
    assert (work.headers["vary"], told.headers["vary"]) == ("Accept", "Accept")
    assert f'<{BF}>; rel="profile"' in work.headers["link"]
    bare = str(address).removesuffix("#hub")
    assert set(read(in_words.content).subjects(RDF.type, SCHEMA.CreativeWork)) == {URIRef(bare)}
    assert json.loads(of_title.content)["exampleOfWork"] == {"@type": "CreativeWork", "@id": bare}
    assert list(read(in_graph.content).objects(predicate=SCHEMA.exampleOfWork)) == [URIRef(bare)]
    assert set(read(plain.content, "json-ld").subjects(RDF.type, SCHEMA.CreativeWork)) == {URIRef(bare)}
    assert (nobody.status_code, merged.status_code) == (406, 201)
    assert (led.status_code, led.headers["location"]) == (308, f"/v1/works/{other['id']}")
