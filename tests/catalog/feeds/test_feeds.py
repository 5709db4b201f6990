"""Feeds as the programs that read them get them."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import feedparser
import jsonschema
import pytest
from lxml import etree
from PIL import Image

from catalog.feeds import sitemaps
from catalog.marc.record import Field
from chassis.principal import ANONYMOUS
from support.harness import STAFF, Harness
from support.marc_records import LEADER
from support.shelves import Shelves, file_of, record

DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d(T.+)?$"}
NAMES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
OPDS_LINK: dict[str, Any] = {
    "type": "object",
    "required": ["href"],
    "properties": {
        "href": {"type": "string", "minLength": 1},
        **{name: {"type": "string"} for name in ("type", "title", "rel")},
        **{name: {"type": "integer", "exclusiveMinimum": 0} for name in ("width", "height")},
        "templated": {"const": True},
    },
    "additionalProperties": False,
}


def linked(relation: str) -> dict[str, Any]:
    """Some link has this relation."""
    return {"contains": {"required": ["rel"], "properties": {"rel": {"const": relation}}}}


OPDS_PUBLICATION: dict[str, Any] = {
    "type": "object",
    "required": ["metadata", "links", "images"],
    "properties": {
        "metadata": {
            "type": "object",
            "required": ["title"],
            "properties": {
                "title": {"type": "string"},
                "identifier": {"type": "string", "format": "uri"},
                "@type": {"type": "string", "format": "uri"},
                "modified": {"type": "string", "format": "date-time"},
                "published": DATE,
                "language": {"type": "string", "pattern": "^[a-z]{2,3}$"},
                "description": {"type": "string"},
                **dict.fromkeys(("author", "publisher", "subject"), NAMES),
            },
            "additionalProperties": False,
        },
        "links": {
            "type": "array",
            "items": OPDS_LINK,
            "allOf": [linked("self"), linked("http://opds-spec.org/acquisition")],
        },
        "images": {
            "type": "array",
            "minItems": 1,
            "items": OPDS_LINK,
            "contains": {"properties": {"type": {"enum": ["image/jpeg", "image/png", "image/gif"]}}},
        },
    },
    "additionalProperties": False,
}
OPDS_FEED: dict[str, Any] = {
    "type": "object",
    "required": ["metadata", "links"],
    "anyOf": [{"required": ["publications"]}, {"required": ["navigation"]}],
    "properties": {
        "metadata": {
            "type": "object",
            "required": ["title"],
            "properties": {
                "title": {"type": "string"},
                "numberOfItems": {"type": "integer", "minimum": 0},
                **{
                    name: {"type": "integer", "exclusiveMinimum": 0}
                    for name in ("itemsPerPage", "currentPage")
                },
            },
            "additionalProperties": False,
        },
        "links": {"type": "array", "items": OPDS_LINK, **linked("self")},
        "navigation": {
            "type": "array",
            "items": {"allOf": [OPDS_LINK, {"required": ["title"]}]},
        },
        "publications": {"type": "array", "items": OPDS_PUBLICATION},
    },
    "additionalProperties": False,
}
"""What OPDS 2.0's schemas (drafts.opds.io/schema) and those of the web publication manifest that they refer to ask of
the parts that are used here."""
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


@pytest.fixture
async def shelf(catalog: Harness, shelves: Shelves) -> AsyncIterator[Shelves]:
    """Two e-books and thirty books."""
    made = [record(f"p{number}", title=f"Plain & simple {number:02}") for number in range(30)]
    online = []
    for number in range(2):
        book = record(f"e{number}", title=f"Read <online> {number}")
        fields = [
            Field.control("008", "260101s1854    xx      o           eng d") if field.tag == "008" else field
            for field in book
        ]
        link = Field.data("856", "40", ("u", f"https://example.org/{number}?a=1&b=2"), ("y", "Here"))
        online.append(type(book)(LEADER, [*fields, link, Field.data("856", "40", ("u", "javascript:x"))]))
    job = await shelves.imported(file_of(*made, *online))
    assert job["counts"]["created"] == 32
    async with shelves.indexed():
        with catalog.asking(ANONYMOUS):
            yield shelves


def read(content: bytes) -> Any:
    """A document in XML."""
    return etree.fromstring(content)


async def test_results_are_a_feed_that_pages(catalog: Harness, shelf: Shelves) -> None:
    answer = await catalog.get("/search.atom", params={"query": "plain", "sort": "title"})
    assert answer.headers["content-type"] == "application/atom+xml"
    told = feedparser.parse(answer.content)
    assert not told.bozo
    assert told.version == "atom10"
    assert (told.feed.opensearch_totalresults, told.feed.opensearch_startindex) == ("30", "1")
    assert [entry.title for entry in told.entries] == [f"Plain & simple {number:02}" for number in range(20)]
    titles = await catalog.get("/v1/titles", params={"query": "plain", "sort": "title"})
    assert [entry.link.rpartition("/")[2] for entry in told.entries] == [
        item["id"] for item in titles.json()["items"]
    ]
    (onward,) = [link.href for link in told.feed.links if link.rel == "next"]
    rest = feedparser.parse((await catalog.get(onward)).content)
    assert len(rest.entries) == 10
    assert not [link for link in rest.feed.links if link.rel == "next"]
    again = await catalog.get("/search.atom", params={"query": "plain", "sort": "title"})
    assert again.content == answer.content


async def test_results_are_rss_that_pages_too(catalog: Harness, shelf: Shelves) -> None:
    answer = await catalog.get("/search.rss", params={"query": "plain", "sort": "title"})
    told = feedparser.parse(answer.content)

    assert (answer.headers["content-type"], told.bozo, told.version) == (
        "application/rss+xml",
        False,
        "rss20",
    )
    assert (told.feed.opensearch_totalresults, told.feed.opensearch_startindex) == ("30", "1")
    assert [entry.title for entry in told.entries] == [f"Plain & simple {number:02}" for number in range(20)]
    assert all(entry.published_parsed and entry.id.startswith("urn:uuid:") for entry in told.entries)
    assert (await catalog.get(told.entries[0].link)).status_code == 200
    assert (await catalog.get(told.feed.link)).headers["content-type"].startswith("text/html")
    pages = read(answer.content).xpath(
        "//a:link[@rel='next']/@href", namespaces={"a": "http://www.w3.org/2005/Atom"}
    )
    rest = feedparser.parse((await catalog.get(pages[0])).content)
    assert len(rest.entries) == 10
    empty = feedparser.parse((await catalog.get("/search.rss", params={"query": "nowhereatall"})).content)
    assert (empty.bozo, empty.entries) == (False, [])
    assert (await catalog.get("/search.rss", params={"query": "title:("})).status_code == 422


async def test_an_empty_feed_and_a_wrong_query(catalog: Harness, shelf: Shelves) -> None:
    told = feedparser.parse((await catalog.get("/search.atom", params={"query": "nowhereatall"})).content)
    assert not told.bozo
    assert told.entries == []
    refused = await catalog.get("/search.atom", params={"query": "title:("})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


async def test_a_browser_learns_how_to_search(catalog: Harness, shelf: Shelves) -> None:
    answer = await catalog.get("/opensearch.xml")
    told = read(answer.content)
    names = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    (feeds,) = told.xpath("//o:Url[@type='application/atom+xml']/@template", namespaces=names)
    assert told.xpath("//o:Url[@type='application/rss+xml']/@template", namespaces=names)
    address = feeds.replace("{searchTerms}", "plain").replace("{startPage?}", "2")
    assert len(feedparser.parse((await catalog.get(address)).content).entries) == 10


async def test_crawlers_find_every_public_title(catalog: Harness, shelf: Shelves) -> None:
    with catalog.asking(STAFF):
        await shelf.title(record("h1"), suppressed=True)
    robots = (await catalog.get("/robots.txt")).text
    (index,) = [line.partition(": ")[2] for line in robots.splitlines() if line.startswith("Sitemap:")]
    files = read((await catalog.get(index)).content).xpath("//s:loc/text()", namespaces=SITEMAP)
    assert len(files) == 1
    told = read((await catalog.get(files[0])).content)
    pages = told.xpath("//s:loc/text()", namespaces=SITEMAP)
    assert len(set(pages)) == 32
    for moment in told.xpath("//s:lastmod/text()", namespaces=SITEMAP):
        assert datetime.fromisoformat(moment).tzinfo is not None
    assert (await catalog.get(pages[0])).status_code == 200
    for unknown in ("2", "999999"):
        assert (await catalog.get(f"/sitemaps/{unknown}.xml")).status_code == 404
    assert (await catalog.get("/sitemaps/0.xml")).status_code == 422


@pytest.mark.parametrize(("last", "count"), [(0, 0), (1, 1), (50_000, 1), (50_001, 2), (1_000_000, 20)])
def test_a_file_of_a_sitemap_holds_fifty_thousand_numbers(last: int, count: int) -> None:
    assert sitemaps.files(last) == count


def test_an_address_is_escaped() -> None:
    told = sitemaps.file([("https://e.org/?a=1&b=<2>", datetime(2026, 1, 1, tzinfo=UTC))])
    assert read(told.encode()).xpath("//s:loc/text()", namespaces=SITEMAP) == ["https://e.org/?a=1&b=<2>"]


async def test_a_reading_app_finds_what_can_be_read(catalog: Harness, shelf: Shelves) -> None:
    start = (await catalog.get("/opds")).json()
    shelves = {each["title"]: each["href"] for each in start["navigation"]}
    told = (await catalog.get(shelves["All e-books"])).json()
    assert told["metadata"]["numberOfItems"] == 2
    for book in told["publications"]:
        assert book["metadata"]["title"].startswith("Read <online>")
        assert book["metadata"]["language"] == "en"
        assert book["metadata"]["published"] == "1854-01-01"
        read = [link for link in book["links"] if link["rel"] == "http://opds-spec.org/acquisition"]
        assert [(link["title"], link["href"].startswith("https://example.org/")) for link in read] == [
            ("Here", True)
        ]
    (search,) = [link["href"] for link in start["links"] if link["rel"] == "search"]
    found = (await catalog.get(search.replace("{?query}", "?query=plain"))).json()
    assert (found["publications"], found["metadata"]["numberOfItems"]) == ([], 0)


async def test_a_reading_app_gets_what_opds_s_schema_says(catalog: Harness, shelf: Shelves) -> None:
    valid = jsonschema.Draft7Validator(OPDS_FEED, format_checker=jsonschema.FormatChecker())
    with catalog.asking(STAFF):
        nowhere = await shelf.title(record("n1", title="Read <nowhere>"))

    start = (await catalog.get("/opds")).json()
    feeds = [(await catalog.get(each["href"])).json() for each in start["navigation"]]
    feeds.append((await catalog.get("/opds/publications", params={"query": "nowhereatall"})).json())
    book = feeds[0]["publications"][0]
    (here,) = [link for link in book["links"] if link["rel"] == "self"]
    alone = await catalog.get(here["href"])
    picture = await catalog.get(book["images"][0]["href"])

    for each in (start, *feeds):
        assert [error.message for error in valid.iter_errors(each)] == []
    assert [len(each["publications"]) for each in feeds] == [2, 2, 0, 0]
    assert (alone.json(), alone.headers["content-type"]) == (book, here["type"])
    assert picture.headers["content-type"] == book["images"][0]["type"]
    assert Image.open(io.BytesIO(picture.content)).size == (150, 225)
    for unknown in (nowhere["id"], "00000000-0000-7000-8000-000000000000"):
        assert (await catalog.get(f"/opds/publications/{unknown}")).status_code == 404
