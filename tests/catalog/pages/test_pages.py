"""The pages as a browser, a reference manager and a crawler get them."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from lxml import html
from pydantic import ValidationError

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.pages.rendering import Tongue
from catalog.settings import Settings
from chassis.principal import ANONYMOUS
from contracts.circulation import ItemAvailability, ItemAvailabilityChanged
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

EVIL = '"><script>alert(1)</script><b a="'
HEBREW = "קיצור תולדות האנושות"


@pytest.fixture
async def shelf(catalog: Harness, shelves: Shelves) -> AsyncIterator[Shelves]:
    """A title in Hebrew with two copies, one that means ill, an e-book, and thirty that say little."""
    hebrew = with_items(
        record("h1", title="Ḳitsur toldot", author="Harari, Yuval N.").having(
            Field.data("880", "10", ("6", "245-01/(2/r"), ("a", HEBREW))
        ),
        ("B1", "MAIN", "STACKS"),
        ("B2", "MAIN", "STACKS"),
    )
    fields = [
        Field.control("008", "260101s2011    is                  heb d") if field.tag == "008"
        else Field.data("245", "10", ("6", "880-01"), ("a", "Ḳitsur toldot")) if field.tag == "245"
        else field
        for field in hebrew
    ]  # fmt: skip
    evil = record("e1", title=EVIL, author=EVIL, subject=EVIL).having(
        Field.data("856", "40", ("u", "javascript:alert(1)"), ("y", EVIL)),
        Field.data("856", "40", ("u", "https://example.org/?a=1&b=2"), ("z", EVIL)),
    )
    plain = [record(f"p{number}", title=f"Plain {number:02}", subject="Plainness") for number in range(30)]
    job = await shelves.imported(
        file_of(type(hebrew)(hebrew.leader, fields), evil, *plain), profile="local-999"
    )
    assert job["counts"]["created"] == 32
    async with shelves.indexed():
        with catalog.asking(ANONYMOUS):
            yield shelves


async def found(catalog: Harness, query: str) -> str:
    answer = await catalog.get("/v1/titles", params={"query": query})
    return str(answer.json()["items"][0]["id"])


def parsed(text: str) -> Any:
    """The page; its ids are unique and whatever names one names one that there is."""
    page: Any = html.document_fromstring(text)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(page.xpath("//@for | //@aria-labelledby | //@aria-describedby")) <= set(ids)
    assert not page.xpath("//script[not(@type='application/ld+json')] | //@onclick | //img[not(@alt)]")
    return page


async def test_a_result_is_shown_in_the_script_of_its_title_page_too(
    catalog: Harness, shelf: Shelves
) -> None:
    page = parsed((await catalog.get("/search", params={"query": "toldot"})).text)

    (original,) = page.xpath("//ol[@class='hits']//h2//bdi[@class='original']")
    (romanised,) = page.xpath("//ol[@class='hits']//h2//bdi[not(@class)]")
    assert (original.text, original.get("lang"), original.get("dir")) == (HEBREW, "he", "rtl")
    assert (romanised.text, romanised.get("lang"), romanised.get("dir")) == ("Ḳitsur toldot", "he-Latn", None)
    hit = (await catalog.get("/v1/titles", params={"query": "toldot"})).json()["items"][0]
    assert (hit["original_title"], hit["original_author"]) == (HEBREW, None)


async def test_a_slip_of_the_pen_is_led_to_what_is_here(catalog: Harness, shelf: Shelves) -> None:
    page = parsed((await catalog.get("/search", params={"query": "plian", "sort": "title"})).text)
    hebrew = parsed((await catalog.get("/search", params={"query": "קיצורר", "lang": "de"})).text)

    (better,) = page.xpath("//p[starts-with(., 'Did you mean')]/a")
    answer = await catalog.get(better.get("href"))
    assert better.text_content() == "Plain"
    assert "1 to 20 of 30" in parsed(answer.text).text_content()
    assert "sort=title" in better.get("href")
    assert hebrew.xpath("string(//p[starts-with(., 'Meinten Sie')]/a)") == "קיצור"


async def test_results_are_listed_counted_and_narrowed(catalog: Harness, shelf: Shelves) -> None:
    answer = await catalog.get("/search", params={"query": "plain", "sort": "title"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = parsed(answer.text)
    assert page.xpath("string(//h1)") == "Results for plain"
    titles = [each.text_content() for each in page.xpath("//ol[@class='hits']//h2")]
    assert titles == [f"Plain {number:02}" for number in range(20)]
    assert "1 to 20 of 30" in page.text_content()
    (subject,) = page.xpath("//aside//a[contains(., 'Plainness')]/@href")
    narrowed = parsed((await catalog.get(subject)).text)
    assert narrowed.xpath("string(//ul[contains(@class, 'chips')])").split() == ["Subject:", "Plainness", "×"]

    (onward,) = page.xpath("//a[contains(@rel, 'next')]/@href")
    rest = parsed((await catalog.get(onward)).text)
    assert rest.xpath("//ol[@class='hits']/@start") == ["21"]
    assert len(rest.xpath("//ol[@class='hits']/li")) == 10
    assert not rest.xpath("//a[contains(@rel, 'next')]")


@pytest.mark.parametrize(
    ("params", "status", "said"),
    [
        ({"query": "nowhereatall"}, 200, "Nothing was found."),
        ({"query": "title:("}, 422, "This query cannot be understood."),
        ({"query": "plain", "page": "400"}, 200, "Nothing was found."),
        ({"query": "x" * 5000}, 200, "Nothing was found."),
        ({"query": "plain", "lang": "de"}, 200, "Treffer für plain"),
        ({"query": "plain", "lang": "fr"}, 200, "Résultats pour plain"),
        ({"query": EVIL, "sort": EVIL, "page": EVIL, "lang": EVIL, "filter[format]": EVIL}, 200, "Nothing"),
    ],
)
async def test_a_page_answers_whatever_is_asked(
    catalog: Harness, shelf: Shelves, params: dict[str, str], status: int, said: str
) -> None:
    answer = await catalog.get("/search", params=params)
    assert answer.status_code == status
    assert said in parsed(answer.text).text_content()


async def test_a_title_has_a_page_in_both_its_scripts_with_its_copies(
    catalog: Harness, shelf: Shelves
) -> None:
    title_id = await found(catalog, "barcode:B1")
    item = (await catalog.get("/v1/items", params={"barcode": "B1"})).json()["items"][0]["id"]
    told = ItemAvailability(
        item_id=UUID(item), version=2, title_ids=(UUID(title_id),), library="MAIN", location="STACKS",
        state="on-loan", lendable=False, due_at=datetime(2026, 12, 3, 20, tzinfo=UTC), as_of=datetime.now(UTC),
    )  # fmt: skip
    await catalog.deliver(
        ItemAvailabilityChanged(version=2, occurred_at=told.as_of, item_id=told.item_id, availability=told),
        source="circulation",
    )

    answer = await catalog.get(f"/titles/{title_id}", headers={"Accept-Language": "de"})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == "de"
    page = parsed(answer.text)
    assert page.xpath("//h1/bdi/@lang") == ["he-Latn", "he"]
    assert page.xpath("//h1/bdi[@dir='rtl']/text()") == [HEBREW]
    states = [row.xpath("string(td[4])") for row in page.xpath("//tbody/tr")]
    assert sorted(states) == ["Ausgeliehen bis 3. Dezember 2026", "Verfügbar"]
    assert "Hebräisch" in page.text_content()
    assert page.xpath("//link[@rel='canonical']/@href")[0].endswith(f"/titles/{title_id}")

    held = await catalog.get(
        f"/titles/{title_id}", headers={"Accept-Language": "de", "If-None-Match": answer.headers["etag"]}
    )
    assert (held.status_code, held.text) == (304, "")


async def test_reference_managers_find_what_they_read(catalog: Harness, shelf: Shelves) -> None:
    title_id = await found(catalog, "barcode:B1")
    answer = await catalog.get(f"/titles/{title_id}")
    page = parsed(answer.text)
    (coins,) = page.xpath("//span[@class='Z3988']/@title")
    told = parse_qs(coins)
    assert (told["ctx_ver"], told["rft.btitle"], told["rft.au"]) == (
        ["Z39.88-2004"], ["Ḳitsur toldot"], ["Harari, Yuval N."],
    )  # fmt: skip
    assert page.xpath("//abbr[@class='unapi-id']/@title") == [title_id]
    (server,) = page.xpath("//link[@rel='unapi-server']/@href")
    formats = await catalog.get(server, params={"id": title_id})
    assert b'name="ris"' in formats.content
    for href in page.xpath("//ul[contains(@class, 'save')]//a/@href"):
        saved = await catalog.get(href)
        assert saved.status_code == 200, href
    cites = dict(zip(page.xpath("//details//dt/text()"), page.xpath("//details//dd"), strict=True))
    assert len(cites) == 11
    assert cites["APA"].text_content() == "Harari, Y. N. (2011). Ḳitsur toldot."
    assert cites["APA"].xpath("i/text()") == ["Ḳitsur toldot"]
    linked = json.loads(page.xpath("string(//script[@type='application/ld+json'])"))
    assert linked["@type"] == "Book"
    assert [offer["serialNumber"] for offer in linked["offers"]] == ["B1", "B2"]

    links = answer.headers["link"]
    assert re.search(rf'<http://[^>]+/titles/{title_id}>; rel="cite-as"', links)
    assert 'rel="describedby"; type="application/mods+xml"' in links
    linkset = (await catalog.get(f"/titles/{title_id}/linkset")).json()["linkset"]
    assert [each["type"] for each in linkset[0]["describedby"]].count("application/marcxml+xml") == 1
    assert {each["describes"][0]["href"] for each in linkset[1:]} == {linkset[0]["anchor"]}


async def test_reference_managers_save_many_at_once_from_results(catalog: Harness, shelf: Shelves) -> None:
    page = parsed((await catalog.get("/search", params={"query": "plain", "sort": "title"})).text)

    hits = page.xpath("//ol[@class='hits']/li")
    spans = [parse_qs(each) for each in page.xpath("//ol[@class='hits']/li//span[@class='Z3988']/@title")]
    ids = page.xpath("//ol[@class='hits']/li//abbr[@class='unapi-id']/@title")
    assert len(hits) == len(spans) == len(set(ids)) == 20
    assert [each["rft.btitle"] for each in spans] == [[f"Plain {number:02}"] for number in range(20)]
    assert {(*each["ctx_ver"], *each["rft_val_fmt"], *each["rft.genre"]) for each in spans} == {
        ("Z39.88-2004", "info:ofi/fmt:kev:mtx:book", "book")
    }
    (server,) = page.xpath("//link[@rel='unapi-server']/@href")
    for title_id, told in list(zip(ids, spans, strict=True))[:3]:
        saved = await catalog.get(server, params={"id": title_id, "format": "ris"})
        assert f"TI  - {told['rft.btitle'][0]}" in saved.text
    hebrew = parsed((await catalog.get("/search", params={"query": "toldot"})).text)
    (told_of,) = map(parse_qs, hebrew.xpath("//span[@class='Z3988']/@title"))
    assert told_of["rft.language"] == ["heb"]


async def test_nothing_of_a_record_becomes_part_of_the_page(catalog: Harness, shelf: Shelves) -> None:
    title_id = await found(catalog, "alert")
    for path in (f"/titles/{title_id}", "/search?query=alert"):
        answer = await catalog.get(path)
        page = parsed(answer.text)
        assert not page.xpath("//main//b | //main//script")
        assert "<script>alert" not in answer.text
        assert not [href for href in page.xpath("//@href") if not re.match(r"(https?:/)?/|#", href)]
        assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.text_content().count("alert(1)") > 0


@pytest.mark.parametrize("unknown", ["00000000-0000-0000-0000-000000000000", "42", "a'b", "%ED%A0%80"])
async def test_what_is_not_there_has_a_page_that_says_so(
    catalog: Harness, shelves: Shelves, unknown: str
) -> None:
    answer = await catalog.get(f"/titles/{unknown}")
    assert answer.status_code == 404
    assert "not in the catalogue" in parsed(answer.text).text_content()
    assert (await catalog.get(f"/titles/{unknown}/linkset")).status_code == 404


async def test_a_hidden_title_has_no_page_and_a_merged_one_leads_on(
    catalog: Harness, shelves: Shelves
) -> None:
    hidden = await shelves.title(record("x1"), suppressed=True)
    with catalog.asking(ANONYMOUS):
        assert (await catalog.get(f"/titles/{hidden['id']}")).status_code == 404
    one, two = await shelves.title(record("x2")), await shelves.title(record("x3"))
    merged = await catalog.post(
        f"/v1/titles/{one['id']}/merges",
        json={"merged": [{"title_id": two["id"]}]},
        headers={"If-Match": '"1"'},
    )
    assert merged.status_code == 201, merged.text
    led = await catalog.get(f"/titles/{two['id']}?lang=de")
    assert (led.status_code, led.headers["location"]) == (308, f"/titles/{one['id']}?lang=de")


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", "December 4, 2026"),
        ("America/Los_Angeles", "December 3, 2026"),
        ("Asia/Tokyo", "December 4, 2026"),
    ],
)
def test_a_day_is_the_day_that_it_is_at_the_library(zone: str, told: str) -> None:
    assert Tongue("en", zone).day(datetime(2026, 12, 4, 7, 59, tzinfo=UTC)) == told


def test_a_zone_that_there_is_not_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="such as Europe/Berlin"):
        Settings(database_url="postgresql://x/x", transport_url="postgresql://x/x", time_zone="Berlin")


async def test_a_page_tells_what_is_held_and_whether_it_is_lent_and_digitised(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(digitisation_policies=[{"code": "ask", "name": "On request"}])
    title = await shelves.title()
    fields = [
        Field.control("008", "2601014p    8   1001ab eng0000000"[:32]),
        Field.data("852", "8 ", ("b", "MAIN"), ("c", "STACKS"), ("h", "PS1")),
        Field.data("866", "41", ("8", "0"), ("a", "v.1-5"), ("z", "v.3 torn <b>")),
        Field.data("868", "41", ("8", "0"), ("a", "v.1")),
    ]
    made = await catalog.post(
        f"/v1/titles/{title['id']}/holdings",
        content=dumps(Record("00000ny  a2200000zn 4500", fields)),
        headers={"Content-Type": "application/marc"},
    )
    door = made.headers["location"]
    await catalog.patch(door, json={"digitisation_policy": "ask"}, headers={"If-Match": '"1"'})
    bare = await shelves.item(title, call_number="PS2")

    page = parsed((await catalog.get(f"/titles/{title['id']}", headers={"Accept-Language": "de"})).text)
    await catalog.patch(door, json={"suppressed": True}, headers={"If-Match": '"2"'})
    hidden = parsed((await catalog.get(f"/titles/{title['id']}")).text)

    assert [each.text_content() for each in page.xpath("//dl[@aria-labelledby='held']/*")] == [
        "Main library, Main stacks PS1",
        "v.1-5 (v.3 torn <b>)",
        "Register: v.1",
        "Wird an andere Bibliotheken verliehen",
        "Es werden keine Kopien angefertigt",
        "Digitalisierung: On request",
    ]
    assert bare["holdings_id"] != made.json()["id"]
    assert hidden.xpath("//*[@id='held']") == []
