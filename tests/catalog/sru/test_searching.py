"""SRU through the front door, by its schemas and by an independent client."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator

import pytest
from lxml import etree

from catalog.marc.generate import generate
from chassis.principal import ANONYMOUS
from support import schemas
from support.front import listening
from support.harness import Harness
from support.shelves import Shelves, record

NEW = "http://docs.oasis-open.org/ns/search-ws/sruResponse"
OLD = "http://www.loc.gov/zing/srw/"
S = {
    "s": NEW,
    "c": "http://docs.oasis-open.org/ns/search-ws/scan",
    "d": "http://docs.oasis-open.org/ns/search-ws/diagnostic",
    "e": "http://explain.z3950.org/dtd/2.0/",
    "m": "http://www.loc.gov/MARC21/slim",
}


@pytest.fixture
async def shelf(catalog: Harness, shelves: Shelves) -> AsyncIterator[Shelves]:
    """Four titles by name, one of them hidden, and thirty made ones."""
    made = b"".join(one.raw for one in generate(30, seed=5))
    await shelves.imported(made)
    for number, title in enumerate(("Xylophone one", "Xylophone two", "Xylem & <pith>")):
        await shelves.title(record(f"x{number}", title=title, author=f"Zeller, {number}"))
    await shelves.title(record("x9", title="Xylography"), suppressed="true")
    async with shelves.indexed() as indexer:
        catalog.resources.own["indexer"] = indexer
        yield shelves


async def ask(catalog: Harness, **params: str) -> etree._Element:
    """An answer, checked by the schemas; the older versions' as the newer one's, which has taken them over."""
    with catalog.asking(ANONYMOUS):
        answer = await catalog.get("/sru", params=params)
        form = await catalog.post("/sru", data=params)
    assert answer.status_code == 200, answer.text
    assert answer.content == form.content
    content = answer.text
    if OLD in content:
        assert NEW not in content
        content = content.replace(f"{OLD}diagnostic/", S["d"]).replace(
            OLD, S["c"] if "<scanResponse" in content else NEW
        )
        content = re.sub("(<scanResponse[^>]*>)<version>[^<]*</version>", r"\1", content)
    return schemas.valid(content.encode(), schemas.sru())


def texts(root: etree._Element, path: str) -> list[str]:
    told = root.xpath(path, namespaces=S)
    assert isinstance(told, list)
    return [str(each) for each in told]


VERSIONS = [
    {},
    {"operation": "searchRetrieve", "version": "1.1"},
    {"operation": "searchRetrieve", "version": "1.2"},
]


async def test_records_are_found_in_every_version_and_schema(catalog: Harness, shelf: Shelves) -> None:
    for version in VERSIONS:
        for schema, root_name in (("marcxml", "record"), ("dc", "dc"), ("mods", "mods")):
            asked = {
                **version,
                "query": "dc.title = xyl* sortBy title",
                "recordSchema": schema,
                "maximumRecords": "2",
            }
            root = await ask(catalog, **asked)

            assert texts(root, "s:numberOfRecords/text()") == ["3"]
            assert texts(root, "s:nextRecordPosition/text()") == ["3"]
            assert texts(root, "//s:recordPosition/text()") == ["1", "2"]
            assert texts(root, f"//s:recordData/*[local-name() = '{root_name}']/..") != []
    marc = await ask(catalog, query="title = xylem", recordPacking="unpacked")
    assert texts(marc, "//m:datafield[@tag='245']/m:subfield/text()") == ["Xylem & <pith>"]
    packed = await ask(catalog, query="title = xylem", recordXMLEscaping="string", recordSchema="mods")
    (inside,) = texts(packed, "//s:recordData/text()")
    schemas.valid(inside.encode(), schemas.oai())


async def test_what_is_asked_is_what_is_found(catalog: Harness, shelf: Shelves) -> None:
    counts = {
        "xylophone": 2,
        "title = xylophone and creator = 0": 1,
        'title = "xylophone two"': 1,
        'title any "one pith"': 2,
        "title = xylophone not title = two": 1,
        'dc.creator = "zeller"': 3,
        "cql.allRecords = 1": 33,
        "title <> xylophone": 31,
        "date < 1855 and title = xyl*": 3,
        "title = xylography": 0,
        "title = xyl*hone": 2,
        "xy?em": 1,
        "title = xy?em or subject = sol?tude": 3,
        "subject = solitude": 3,
        "dc.language = eng and title = xylem": 1,
        "title == xylophone": 0,
        'title == "xylophone one"': 1,
        "title = ^one": 0,
        "title = ^xylophone": 2,
        "title = one^": 1,
        "creator == zeller": 0,
        "xylophone prox two": 1,
        "two prox/distance<=2 xylophone": 1,
        "two prox/ordered xylophone": 0,
    }
    found = {
        query: int(texts(await ask(catalog, query=query, maximumRecords="0"), "s:numberOfRecords/text()")[0])
        for query in counts
    }

    assert found == counts
    downwards = await ask(catalog, query="title = xyl* sortBy title/sort.descending", recordSchema="dc")
    assert texts(downwards, "//*[local-name() = 'title']/text()") == [
        "Xylophone two",
        "Xylophone one",
        "Xylem & <pith>",
    ]


REFUSED = [
    ({"query": "title = and"}, "10"),
    ({"query": "dc.colour = red"}, "16"),
    ({"query": "title = a prox creator = b"}, "39"),
    ({"query": "cql.resultSetId = 0123"}, "51"),
    ({"query": "a sortBy title date creator title title"}, "84"),
    ({"query": "xylem", "startRecord": "2"}, "61"),
    ({"query": "cql.allRecords=1", "startRecord": "10001"}, "61"),
    ({"query": "xylem", "recordSchema": "rdf"}, "66"),
    ({"query": "xylem", "version": "9"}, "5"),
    ({"scanClause": "cql.anywhere = a"}, "16"),
    ({"scanClause": "a and b"}, "48"),
    ({"scanClause": "title within a"}, "19"),
    ({"operation": "searchRetrieve", "version": "1.1"}, "7"),
    ({"operation": "scan", "version": "1.2", "scanClause": "title ="}, "10"),
    ({"operation": "explain", "version": "1.1", "colour": "red"}, "8"),
    ({"query": "(" * 900 + "a" + ")" * 900}, "13"),
    ({"query": "a\x01 or \ud7ff", "maximumRecords": "x"}, "6"),
]


async def test_every_refusal_is_an_answer_with_its_number(catalog: Harness, shelf: Shelves) -> None:
    for asked, number in REFUSED:
        root = await ask(catalog, **asked)

        assert texts(root, "//d:diagnostic/d:uri/text()") == [f"info:srw/diagnostic/1/{number}"], asked


async def test_a_record_that_is_gone_leaves_a_diagnostic_in_its_place(
    catalog: Harness, shelf: Shelves
) -> None:
    await catalog.resources.pool.execute(
        "UPDATE title SET suppressed = true WHERE title LIKE 'Xylophone one%'"
    )

    root = await ask(catalog, query="title = xylophone sortBy title")

    assert texts(root, "//s:recordPosition/text()") == ["1", "2"]
    assert texts(root, "//s:record[1]//d:uri/text()") == ["info:srw/diagnostic/1/64"]
    assert texts(root, "//s:record[2]//m:datafield[@tag='245']/m:subfield/text()") == ["Xylophone two"]


TITLES = "//m:datafield[@tag='245']/m:subfield[@code='a']/text()"


async def test_a_result_set_stays_as_it_was_found_and_can_be_narrowed(
    catalog: Harness, shelf: Shelves
) -> None:
    for number, version in enumerate(VERSIONS):
        first = await ask(catalog, **version, query="title = xyl* sortBy title", maximumRecords="2")
        (name,) = texts(first, "s:resultSetId/text()")
        again = {**version, "query": f'cql.resultSetId = "{name}"'}
        await shelf.title(record(f"again{number}", title="Xylem again"))
        await _followed(catalog)

        rest = await ask(catalog, **again, startRecord="3")
        narrowed = await ask(catalog, **version, query=f"{again['query']} and title = xylem")
        other = await ask(catalog, **version, query=f"{again['query']} sortBy title/descending")

        assert texts(rest, TITLES) == ["Xylophone two"]
        assert texts(rest, "//s:recordPosition/text()") == ["3"]
        assert texts(narrowed, TITLES) == ["Xylem & <pith>"]
        assert texts(other, TITLES) == ["Xylophone two", "Xylophone one", "Xylem & <pith>"]
        await catalog.resources.pool.execute(
            "UPDATE title SET suppressed = true WHERE title LIKE 'Xylem again%'"
        )
        await catalog.resources.pool.execute(
            "INSERT INTO title_change (title_id) SELECT id FROM title WHERE title LIKE 'Xylem again%'"
        )
        await _followed(catalog)


async def test_who_goes_on_by_a_start_record_neither_skips_nor_sees_twice(
    catalog: Harness, shelf: Shelves
) -> None:
    asked = {"query": "title = xyl* sortBy title", "maximumRecords": "1"}
    seen = texts(await ask(catalog, **asked), TITLES)

    for start in ("2", "3"):
        await shelf.title(record(f"first{start}", title=f"Xyl {start} comes before all others"))
        await _followed(catalog)
        root = await ask(catalog, **asked, startRecord=start)
        seen += texts(root, TITLES)

    assert seen == ["Xylem & <pith>", "Xylophone one", "Xylophone two"]
    assert texts(root, "s:numberOfRecords/text()") == ["3"]
    assert texts(root, "s:nextRecordPosition/text()") == []


async def _followed(catalog: Harness) -> None:
    """Let the index see what was written: the fixture's indexer has the folder."""
    indexer = catalog.resources.own["indexer"]
    while await indexer.follow():
        pass


async def test_an_index_is_scanned_around_a_term_and_counts_what_the_public_sees(
    catalog: Harness, shelf: Shelves
) -> None:
    async def terms(**asked: str) -> list[tuple[str, str]]:
        root = await ask(catalog, **asked)
        found = zip(texts(root, "//c:value/text()"), texts(root, "//c:numberOfRecords/text()"), strict=True)
        return list(found)

    from_xyl = await terms(scanClause="dc.title = xyl", maximumTerms="2")
    around = await terms(scanClause="dc.title = xylophone", responsePosition="2", maximumTerms="2")
    behind = await terms(scanClause="dc.title = xylem", responsePosition="0", maximumTerms="1")
    old = await terms(operation="scan", version="1.2", scanClause="dc.title = xylem", maximumTerms="1")
    names = await terms(scanClause="dc.creator = zeller", maximumTerms="1")
    ids = await terms(scanClause="dc.identifier = x0", maximumTerms="3")
    end = await terms(scanClause="dc.title = zzzz", maximumTerms="3")
    words = await terms(scanClause="dc.title = a", maximumTerms="100")

    assert from_xyl == [("xylem", "1"), ("xylophone", "2")]
    assert around == [("xylem", "1"), ("xylophone", "2")]
    assert behind == [("xylophone", "2")]
    assert old == [("xylem", "1")]
    assert names == [("zeller", "3")]
    assert ids == [("x0", "1"), ("x1", "1"), ("x2", "1")]
    assert end == []
    assert [word for word, _ in words] == sorted({word for word, _ in words})
    assert len(words) > 20


async def test_whole_headings_are_scanned_where_the_clause_is_about_the_whole_field(
    catalog: Harness, shelf: Shelves
) -> None:
    async def terms(**asked: str) -> list[tuple[str, str]]:
        root = await ask(catalog, **asked)
        found = zip(texts(root, "//c:value/text()"), texts(root, "//c:numberOfRecords/text()"), strict=True)
        return list(found)

    titles = await terms(scanClause='dc.title == "xylophone o"', responsePosition="2", maximumTerms="3")
    behind = await terms(scanClause='bath.name exact "ZELLER, 0"', responsePosition="0", maximumTerms="1")
    old = await terms(
        operation="scan", version="1.1", scanClause='dc.subject exact "solitude"', maximumTerms="1"
    )
    (total,) = texts(
        await ask(catalog, query='dc.subject == "Solitude"', maximumRecords="0"), "s:numberOfRecords/text()"
    )

    assert titles == [("Xylem & <pith>", "1"), ("Xylophone one", "1"), ("Xylophone two", "1")]
    assert behind == [("Zeller, 1", "1")]
    assert old == [("Solitude", total)] == [("Solitude", "3")]


async def test_the_server_explains_itself(catalog: Harness, shelf: Shelves) -> None:
    for version in ({}, {"operation": "explain", "version": "1.1"}, {"version": "1.2"}):
        root = await ask(catalog, **version)

        assert texts(root, "//e:serverInfo/e:database/text()") == ["sru"]
        assert "title" in texts(root, "//e:index/e:map/e:name[@set='dc']/text()")
        assert texts(root, "//e:schema/@name") == ["marcxml", "dc", "mods"]


async def run(*command: str, told: str = "") -> str:
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await started.communicate(told.encode())
    return out.decode("utf-8", "replace")


@pytest.mark.skipif(
    shutil.which("zoomsh") is None or shutil.which("yaz-client") is None, reason="needs Debian's yaz"
)
async def test_an_independent_client_searches_scans_and_is_refused(catalog: Harness, shelf: Shelves) -> None:
    async with listening(catalog.app) as url:
        where = f"{url}/sru"
        steps = ("sru get 1.2", f"open {where}", "querytype cql", "find dc.title=xylophone", "show 1+2")
        more = ("find dc.colour=red", "scan dc.title=xylem", "quit\n")
        told = await run("yaz-client", told="\n".join((*steps, *more)))
        posting = (f"connect {where}", "set sru post", f"connect {where}")
        zoom = await run("zoomsh", *posting, "search cql:dc.title=xylem", "show 0 1", "quit")

    assert "Number of hits: 2" in told, told
    assert "Xylophone two" in told
    assert "Unsupported index" in told or "info:srw/diagnostic/1/16" in told
    assert "xylophone" in told.rpartition("scan")[2] or "xylem" in told
    assert "1 hits" in zoom, zoom
    assert "Xylem &amp; &lt;pith&gt;" in zoom
