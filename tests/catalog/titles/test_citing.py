"""A title as reference managers and search engines take it."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from catalog.citations import bibtex, csl, endnote, ris, schema_org
from catalog.marc.record import Field, Record
from chassis.principal import ANONYMOUS, Principal
from support.harness import STAFF
from support.marc_records import LEADER, RECORDS
from support.shelves import Shelves, record

READER = Principal("client", "reader", frozenset({"titles:read"}))
FIXED = Field.control("008", "260101s1993    gw                  ger d")
BOOK = Record(
    LEADER,
    [
        FIXED,
        Field.data("020", "  ", ("a", "9780141439518")),
        Field.data("024", "7 ", ("a", "10.1000/182"), ("2", "doi")),
        Field.data("100", "1 ", ("a", "Kafka, Franz,"), ("d", "1883-1924,"), ("e", "author.")),
        Field.data("245", "14", ("a", "The trial :"), ("b", "100% {real} & <b>\r\nER  - /"), ("c", "F. K.")),
        Field.data("250", "  ", ("a", "2nd ed.")),
        Field.data("264", " 1", ("a", "Berlin :"), ("b", "Wagenbach,"), ("c", "1993.")),
        Field.data("490", "0 ", ("a", "Classics ;"), ("v", "7")),
        Field.data("650", " 0", ("a", "Trials"), ("v", "Fiction.")),
        Field.data("700", "1 ", ("a", "Muir, Willa,"), ("e", "translator.")),
        Field.data("710", "2 ", ("a", "Schocken."), ("4", "edt")),
        Field.data("856", "40", ("u", "https://e.org/?a=1&b=2")),
    ],
)


def test_a_book_is_one_item_of_csl() -> None:
    assert csl.csl(BOOK, key="t7") == {
        "id": "t7",
        "type": "book",
        "title": "The trial: 100% {real} & <b> ER  -",
        "author": [{"family": "Kafka", "given": "Franz"}],
        "translator": [{"family": "Muir", "given": "Willa"}],
        "editor": [{"literal": "Schocken"}],
        "issued": {"date-parts": [[1993]]},
        "publisher": "Wagenbach",
        "publisher-place": "Berlin",
        "edition": "2nd ed.",
        "collection-title": "Classics",
        "ISBN": "9780141439518",
        "DOI": "10.1000/182",
        "URL": "https://e.org/?a=1&b=2",
        "language": "ger",
        "keyword": "Trials -- Fiction",
    }


@pytest.mark.parametrize(
    ("leader", "fields", "kind"),
    [
        (LEADER, [], "book"),
        (LEADER, [Field.data("502", "  ", ("a", "Thesis, Bonn, 1993"))], "thesis"),
        ("00000nas a2200000 i 4500", [], "periodical"),
        ("00000ncm a2200000 i 4500", [], "musical_score"),
        ("00000ngm a2200000 i 4500", [], "motion_picture"),
        ("00000nrm a2200000 i 4500", [], "document"),
    ],
    ids=["book", "thesis", "journal", "score", "film", "object"],
)
def test_each_kind_of_thing_has_its_type(leader: str, fields: list[Field], kind: str) -> None:
    assert csl.csl(Record(leader, [FIXED, *fields]), key="t1")["type"] == kind


def test_ris_has_a_line_per_value_and_none_of_the_records_own() -> None:
    lines = ris.dumps(csl.csl(BOOK, key="t7")).split("\r\n")

    assert lines[:6] == [
        "TY  - BOOK",
        "ID  - t7",
        "TI  - The trial: 100% {real} & <b> ER  -",
        "AU  - Kafka, Franz",
        "ED  - Schocken",
        "A4  - Muir, Willa",
    ]
    assert [line for line in lines if line.startswith("ER  -")] == ["ER  - "]
    assert lines[-2:] == ["ER  - ", ""]


def test_endnote_has_a_tag_per_value_and_none_of_the_records_own() -> None:
    told = endnote.dumps(csl.csl(BOOK, key="t7"))

    assert told.split("\r\n") == [
        "%0 Book",
        "%F t7",
        "%T The trial: 100% {real} & <b> ER  -",
        "%A Kafka, Franz",
        "%E Schocken,",
        "%? Muir, Willa",
        "%D 1993",
        "%B Classics",
        "%C Berlin",
        "%I Wagenbach",
        "%7 2nd ed.",
        "%@ 9780141439518",
        "%R 10.1000/182",
        "%U https://e.org/?a=1&b=2",
        "%G ger",
        "%K Trials -- Fiction",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("fields", "beginning"),
    [
        (
            [Field.data("700", "1 ", ("a", "Muir, Edwin,"), ("e", "editor."))],
            ["%0 Edited Book", "%A Muir, Edwin"],
        ),
        ([Field.data("110", "2 ", ("a", "Unesco"))], ["%0 Book", "%A Unesco,"]),
        (
            [
                Field.data("502", "  ", ("a", "Thesis, Bonn, 1993")),
                Field.data("490", "0 ", ("a", "Classics")),
            ],
            ["%0 Thesis", "%9 Thesis, Bonn, 1993"],
        ),
    ],
    ids=["edited", "by a body", "thesis"],
)
def test_endnote_knows_editors_bodies_and_theses(fields: list[Field], beginning: list[str]) -> None:
    lines = endnote.dumps(csl.csl(Record(LEADER, [FIXED, *fields]), key="t1")).split("\r\n")

    assert [line for line in lines if line[:2] in ("%0", "%A", "%E", "%9", "%B")] == beginning


def test_bibtex_tells_texs_own_characters_as_text() -> None:
    told = bibtex.dumps(csl.csl(BOOK, key="t7"))

    assert told.startswith("@book{kafka1993,\n  author = {Kafka, Franz},\n  editor = {{Schocken}},\n")
    assert r"title = {{The trial: 100\% \{real\} \& <b> ER  -}}" in told


def test_json_ld_can_stand_in_a_page() -> None:
    told = schema_org.dumps(csl.csl(BOOK, key="t7"))

    assert b"<" not in told
    found = json.loads(told)
    assert (found["@type"], found["name"]) == ("Book", "The trial: 100% {real} & <b> ER  -")
    assert found["author"] == [{"@type": "Person", "name": "Kafka, Franz"}]
    assert found["sameAs"] == "https://doi.org/10.1000/182"


ODD = st.builds(
    lambda title, name: Record(
        LEADER, [FIXED, Field.data("100", "1 ", ("a", name)), Field.data("245", "00", ("a", title))]
    ),
    st.text(max_size=20),
    st.text(max_size=20),
)


@given(RECORDS | ODD)
def test_any_record_can_be_cited(made: Record) -> None:
    item = csl.csl(made, key="t1")
    lines = ris.dumps(item).split("\r\n")
    tags = endnote.dumps(item).split("\r\n")
    entry = bibtex.dumps(item).replace("\\{", "").replace("\\}", "")

    assert all(line[2:6] == "  - " for line in lines[:-1])
    assert [line[:2] for line in lines[:-1]].count("ER") == 1
    assert not any(char < " " for line in lines + tags for char in line)
    assert all(tag[0] == "%" and tag[2] == " " and tag[3:].strip() for tag in tags[:-2])
    assert tags[-2:] == ["", ""]
    assert entry.count("{") == entry.count("}")
    assert b"<" not in schema_org.dumps(item)


KINDS: list[tuple[str, Any]] = [
    ("application/x-research-info-systems", "TY  - BOOK\r\n"),
    ("application/x-endnote-refer", "%0 Book\r\n"),
    ("application/x-bibtex", "@book{thoreau1854,"),
    ("application/vnd.citationstyles.csl+json", '[{"id":"t'),
    ("application/ld+json", '{"@context":"https://schema.org"'),
    ("application/mods+xml", "<mods "),
]


async def test_a_title_is_given_in_the_form_that_is_asked_for(shelves: Shelves) -> None:
    title = await shelves.title(record("1"))

    for kind, beginning in KINDS:
        answer = await shelves.catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": kind})

        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["etag"]
        assert answer.text.startswith(beginning)
    plain = await shelves.catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": "application/*"})
    assert plain.headers["content-type"] == "application/json"


async def test_a_title_is_cited_in_the_style_and_language_that_are_asked_for(shelves: Shelves) -> None:
    title = await shelves.title(record("1"))

    async def ask(accept: str) -> httpx.Response:
        return await shelves.catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": accept})

    plain, styled = await ask("text/x-bibliography"), await ask('text/x-bibliography; style="mla"')
    german = await ask("text/x-bibliography;style=harvard1;locale=de-DE, */*;q=0.1")
    unknown = await ask("text/x-bibliography; style=nature")
    instead = await ask("text/x-bibliography; style=nature; q=0.3, application/json")

    assert (plain.text, plain.headers["content-type"]) == (
        "Thoreau, H. D. (1854). Walden.\n",
        "text/x-bibliography; charset=utf-8",
    )
    assert (plain.headers["vary"], plain.headers["etag"]) == ("Accept", '"1"')
    assert styled.text == "Thoreau, Henry David. Walden. 1854.\n"
    assert german.text == "Thoreau, H.D. (1854) Walden.\n"
    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (406, "style-unknown")
    assert "american-chemical-society" in unknown.json()["reasons"][0]["mend"]
    assert instead.headers["content-type"] == "application/json"


async def test_a_reference_manager_asks_what_there_is_and_takes_one(shelves: Shelves) -> None:
    title = await shelves.title(record("1"))
    hidden = await shelves.title(record("2"), suppressed="true")

    with shelves.catalog.asking(ANONYMOUS):

        async def ask(**params: str) -> httpx.Response:
            return await shelves.catalog.get("/unapi", params=params)

        offered, its_own = await ask(), await ask(id=f"oai:library.example:{title['id']}")
        taken = {str(each): await ask(id=title["id"], format=str(each)) for each in names(offered)}
        refused = [
            (await ask(id=title["id"], format="pdf")).status_code,
            (await ask(id="nothing")).status_code,
            (await ask(id=hidden["id"], format="ris")).status_code,
        ]

    assert (offered.status_code, its_own.status_code) == (200, 300)
    formats = ["marcxml", "mods", "oai_dc", "ris", "endnote", "bibtex", "csl", "schemaorg"]
    assert names(offered) == names(its_own) == formats
    assert {name: answer.status_code for name, answer in taken.items()} == dict.fromkeys(taken, 200)
    assert taken["ris"].text.startswith("TY  - BOOK")
    assert refused == [406, 404, 404]


def names(answer: httpx.Response) -> list[str]:
    return [str(each.get("name")) for each in etree.fromstring(answer.content).iter("format")]


async def test_several_titles_are_one_list_of_citations(shelves: Shelves) -> None:
    catalog = shelves.catalog
    made = [
        await shelves.title(record(f"k{number}", title=f"Ponds {number}", author=author))
        for number, author in enumerate(("Thoreau, Henry", "Emerson, Ralph", "Fuller, Margaret"))
    ]
    hidden = await shelves.title(record("h", title="Hidden ponds"), suppressed=True)
    ids = ",".join(each["id"] for each in (*made, made[0], hidden))
    saved = await catalog.post(
        "/v1/lists",
        json={"kind": "titles", "name": "Ponds", "source": {"ids": [made[0]["id"], made[1]["id"]]}},
    )

    async def lines(accept: str, asker: Principal | None = None, **params: str) -> list[str]:
        with catalog.asking(asker or READER):
            answer = await catalog.get("/v1/titles:export", params=params, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/x-bibliography; charset=utf-8"
        return answer.text.splitlines()

    apa = await lines("text/x-bibliography", ids=ids)
    ieee = await lines("text/x-bibliography; style=ieee", ids=ids)
    staff = await lines("text/x-bibliography; style=ieee", ids=ids, asker=STAFF)
    listed = await lines("text/x-bibliography; style=mla", list_id=saved.json()["id"], asker=STAFF)
    async with shelves.indexed():
        found = await lines("text/x-bibliography; style=apa; locale=de-DE", query="ponds")
    nothing = await lines("text/x-bibliography", ids="")

    assert apa == [
        "Emerson, R. (1854). Ponds 1.", "Fuller, M. (1854). Ponds 2.", "Thoreau, H. (1854). Ponds 0.",
    ]  # fmt: skip
    assert ieee == [
        "[1] H. Thoreau, Ponds 0. 1854.",
        "[2] R. Emerson, Ponds 1. 1854.",
        "[3] M. Fuller, Ponds 2. 1854.",
    ]
    assert [each[:4] for each in staff] == ["[1] ", "[2] ", "[3] ", "[4] "]
    assert [each.partition(",")[0] for each in listed] == ["Emerson", "Thoreau"]
    assert (found, nothing) == (apa, [])
    with catalog.asking(READER):
        whole = await catalog.get("/v1/titles:export", headers={"Accept": "text/x-bibliography"})
        unknown = await catalog.get("/v1/titles:export", params={"list_id": saved.json()["id"]})
        odd = await catalog.get("/v1/titles:export", params={"media_type": "text/x-bibliography; style=x"})
    assert (whole.status_code, whole.json()["reasons"][0]["code"]) == (422, "titles-not-named")
    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (422, "list-unknown")
    assert odd.status_code == 406
