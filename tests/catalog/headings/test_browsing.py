"""Looking along headings, both ways, while titles come and go."""

from typing import Any
from urllib.parse import parse_qsl

from lxml import html

from catalog.marc.record import Field
from chassis.principal import ANONYMOUS
from support.harness import Harness
from support.shelves import Shelves, file_of, record

SUBJECTS = ["Bridges", "Rivers", "Rome -- History", "Romulus", "Ships", "Solitude", "Über-Ich"]


async def browse(catalog: Harness, kind: str = "subject", **params: Any) -> dict[str, Any]:
    answer = await catalog.get(f"/v1/headings/{kind}", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def texts(told: dict[str, Any]) -> list[str]:
    return [each["heading"] for each in told["items"]]


def parsed(text: str) -> Any:
    """A page, whose types the library leaves open."""
    return html.fromstring(text)


async def test_the_neighbours_of_a_heading_stand_around_it_and_lead_to_their_titles(
    catalog: Harness, shelves: Shelves
) -> None:
    russian = record("r", title="Voina i mir", author="Tolstoĭ, Lev").having(
        Field.data("880", "1 ", ("6", "100-01/(N"), ("a", "Толстой, Лев")),
        Field.data("880", "10", ("6", "245-02/(N"), ("a", "Война и мир")),
        Field.data("490", "1 ", ("a", "Bibliothek der Romane ;"), ("v", "3")),
        Field.data("830", " 4", ("a", "Die Bibliothek ;"), ("v", "3")),
    )
    first = [record(f"a{number}", subject=each) for number, each in enumerate(SUBJECTS)]
    twice = record("b", subject="Rome -- History").having(Field.data("650", " 0", ("a", "Rome -- History.")))
    await shelves.imported(file_of(*first, twice, russian))
    await shelves.title(record("h", subject="Secrets"), suppressed="true")

    async with shelves.indexed():
        told = await browse(catalog, near="rome", before=1, limit=3)
        names = await browse(catalog, "author")
        titles = await browse(catalog, "title")
        series = await browse(catalog, "series")
        whole = await browse(catalog)
        with catalog.asking(ANONYMOUS):
            hits = [await catalog.get(each["titles"]) for each in whole["items"]]
            mixed = await catalog.get(names["items"][-1]["titles"])

    assert texts(told) == ["Rivers", "Rome -- History", "Romulus", "Ships"]
    assert (told["kind"], told["position"], told["index"]["reached"]) == ("subject", 1, True)
    assert [each["count"] for each in told["items"]] == [1, 2, 1, 1]
    assert texts(whole) == SUBJECTS
    assert [each.json()["total"] for each in hits] == [each["count"] for each in whole["items"]]
    assert texts(names) == ["Thoreau, Henry David", "Tolstoĭ, Lev", "Толстой, Лев"]
    assert mixed.json()["items"][0]["title"] == "Voina i mir"
    assert texts(titles) == ["Voina i mir", "Walden", "Война и мир"]
    assert texts(series) == ["Die Bibliothek", "Bibliothek der Romane"]
    assert texts(await browse(catalog, "genre")) == []


async def test_a_walk_both_ways_meets_every_heading_once_though_the_catalogue_changes(
    catalog: Harness, shelves: Shelves
) -> None:
    for number, each in enumerate(SUBJECTS):
        await shelves.title(record(f"a{number}", subject=each))
    async with shelves.indexed() as indexer:
        first = await browse(catalog, near="romulus", before=0, limit=2)
        romulus = (await catalog.get(first["items"][0]["titles"])).json()["items"][0]["id"]
        hidden = await catalog.patch(
            f"/v1/titles/{romulus}", json={"suppressed": True}, headers={"If-Match": '"1"'}
        )
        await shelves.title(record("n1", subject="Sinks"))
        await shelves.title(record("n2", subject="Reading"))
        await indexer.follow()

        onward = await browse(catalog, cursor=first["next_cursor"], limit=1)
        last = await browse(catalog, cursor=onward["next_cursor"])
        back = await browse(catalog, cursor=first["previous_cursor"], limit=2)
        start = await browse(catalog, cursor=back["previous_cursor"], at_least="now")
        again = await browse(catalog, near="Romulus", before=0, limit=1)

    assert hidden.status_code == 200, hidden.text
    assert texts(first) == ["Romulus", "Ships"]
    assert texts(onward) == ["Sinks"]
    assert texts(last) == ["Solitude", "Über-Ich"]
    assert last["next_cursor"] is None
    assert texts(back) == ["Rivers", "Rome -- History"]
    assert texts(start) == ["Bridges", "Reading"]
    assert (start["previous_cursor"], start["position"]) == (None, None)
    assert texts(again) == ["Ships"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("colour", {}),
    ("subject", {"cursor": "x"}),
    ("subject", {"cursor": "WyJhdXRob3IiLCJvbiIsImE2MVx0YSJd"}),
    ("author", {"cursor": "WyJhdXRob3IiLCJvbiIsImE2MSJd"}),
    ("author", {"cursor": "WyJhdXRob3IiLCJvbiIsNV0"}),
    ("author", {"cursor": "WyJhdXRob3IiLCJ1cCIsImE2MVx0YSJd"}),
    ("subject", {"near": "a", "cursor": "x"}),
    ("subject", {"limit": 0}),
    ("subject", {"before": 101}),
    ("subject", {"at_least": "soon"}),
]


async def test_a_wrong_question_is_told_so_and_before_there_is_a_title_nothing_is_found(
    catalog: Harness, shelves: Shelves
) -> None:
    refused = [await catalog.get(f"/v1/headings/{kind}", params=params) for kind, params in WRONG]
    sound = await browse(catalog, "author", cursor="WyJhdXRob3IiLCJvbiIsImE2MVx0YSJd")
    before = await browse(catalog, near="a")
    async with shelves.indexed():
        empty = await browse(catalog, near="a")

    assert [answer.status_code for answer in refused] == [422] * len(WRONG)
    assert sound["items"] == []
    for told in (before, empty):
        assert (told["items"], told["position"]) == ([], 0)
        assert (told["previous_cursor"], told["next_cursor"]) == (None, None)


async def test_a_page_of_headings_leads_back_and_on_and_to_their_titles(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(file_of(*(record(f"p{n}", subject=f"Plain {n:02}") for n in range(60))))
    await shelves.title(record("e", subject='"><script>alert(1)</script>'))
    await shelves.title(record("w", subject="שלום"))
    async with shelves.indexed():
        with catalog.asking(ANONYMOUS):
            page = await catalog.get("/browse", params={"near": "plain 30", "lang": "de"})
            told = parsed(page.text)
            entries = told.xpath("//ol/li")
            leads = {rel: told.xpath(f"//a[@rel='{rel} nofollow']/@href")[0] for rel in ("prev", "next")}
            onward = parsed((await catalog.get(leads["next"])).text)
            earlier = parsed((await catalog.get(leads["prev"])).text)
            titles = await catalog.get(entries[0].xpath("./a/@href")[0])
            odd = await catalog.get("/browse", params={"kind": "x", "cursor": "x", "near": "[:"})
            evil = await catalog.get("/browse")
            end = parsed((await catalog.get("/browse", params={"near": "zz"})).text)
            english = await catalog.get("/browse", params={"kind": "genre"})

    assert [each.xpath("string(./a)") for each in entries] == [f"Plain {n:02}" for n in range(27, 55)]
    assert [each.xpath("string(./a)") for each in entries if each.get("aria-current")] == ["Plain 30"]
    assert told.xpath("//html/@lang") == ["de"]
    assert entries[0].xpath("string(./span)") == "1 Titel"
    assert onward.xpath("string(//ol/li/a)") == "Plain 55"
    assert earlier.xpath("string((//ol/li/a)[last()])") == "Plain 26"
    assert "Walden" in titles.text
    assert titles.status_code == odd.status_code == 200
    assert "<script>" not in evil.text
    assert end.xpath("//ol//bdi[@dir='rtl']/text()") == ["שלום"]
    assert "There are no headings here." in english.text
    assert dict(parse_qsl(leads["next"].partition("?")[2]))["kind"] == "subject"


async def test_classification_numbers_are_browsed_beside_the_shelf_each_classification_by_itself(
    catalog: Harness, shelves: Shelves
) -> None:
    classes = ["PS3048", "PS3048", "PS76.9", "PS7"]
    titles = [
        record(f"c{n}").having(Field.data("050", "00", ("a", each), ("b", f".A{n}")))
        for n, each in enumerate(classes)
    ]
    dewey = record("d").having(Field.data("082", "04", ("a", "813/.54"), ("2", "23")))
    await shelves.imported(file_of(*titles, dewey))
    hidden = record("h").having(Field.data("050", "00", ("a", "PS8")))
    await shelves.title(hidden, suppressed="true")

    async with shelves.indexed():
        told = await browse(catalog, "lc", near="PS76", before=1, limit=1)
        onward = await browse(catalog, "lc", cursor=told["next_cursor"])
        whole = await browse(catalog, "lc")
        other = await browse(catalog, "dewey")
        wrong = await catalog.get("/v1/headings/dewey", params={"cursor": told["next_cursor"]})
        with catalog.asking(ANONYMOUS):
            hits = [(await catalog.get(each["titles"])).json()["total"] for each in whole["items"]]
            found = (await catalog.get(other["items"][0]["titles"])).json()
            page = parsed(
                (await catalog.get("/browse", params={"kind": "lc", "near": "ps3", "lang": "de"})).text
            )

    assert (texts(told), told["position"]) == (["PS7", "PS76.9"], 1)
    assert [(each["heading"], each["count"]) for each in whole["items"]] == [
        ("PS7", 1), ("PS76.9", 1), ("PS3048", 2),
    ]  # fmt: skip
    assert (texts(onward), onward["next_cursor"], hits) == (["PS3048"], None, [1, 1, 2])
    assert (texts(other), other["items"][0]["query"], found["total"]) == (
        ["813.54"],
        'dewey_class:"813.54"',
        1,
    )
    assert wrong.status_code == 422
    assert page.xpath("string(//h1)") == "Library of Congress Classification"
    assert "PS3048" in page.xpath("//ol/li/a/bdi/text()")
