"""Relations lead to our own titles: by number, else by ISSN or ISBN, also when those were merged."""

from typing import Any

from catalog.marc.record import Field
from chassis.principal import ANONYMOUS
from support.harness import Harness
from support.shelves import Shelves, record


async def related(catalog: Harness, title: dict[str, Any]) -> list[list[str]]:
    answer = await catalog.get(f"/v1/titles/{title['id']}/relations")
    assert answer.status_code == 200, answer.text
    return [[one["id"] for one in each["titles"]] for each in answer.json()["relations"]]


async def test_relations_lead_to_our_titles(catalog: Harness, shelves: Shelves) -> None:
    host = await shelves.title(record("77").having(Field.control("003", "XX")))
    older = await shelves.title(record("o").having(Field.data("022", "  ", ("a", "0378-5955"))))
    title = await shelves.title(
        record("s").having(
            Field.control("003", "XX"),
            Field.data("773", "0 ", ("t", "Host"), ("w", "77")),
            Field.data("773", "0 ", ("t", "Host"), ("w", "(XX)77")),
            Field.data("780", "00", ("t", "Older"), ("x", "0378-5955")),
            Field.data("785", "00", ("t", "Unknown here"), ("w", "(XX)9")),
            Field.data("856", "40", ("u", "https://x.example/")),
        )
    )
    async with shelves.indexed():
        told = await related(catalog, title)

    assert told == [[host["id"]], [host["id"]], [older["id"]], []]
    links = (await catalog.get(f"/v1/titles/{title['id']}/relations")).json()["links"]
    assert [each["url"] for each in links] == ["https://x.example/"]


async def test_a_merged_or_hidden_title_is_heeded(catalog: Harness, shelves: Shelves) -> None:
    gone, stays = await shelves.title(record("77")), await shelves.title(record("78"))
    hidden = await shelves.title(record("79"), suppressed=True)
    title = await shelves.title(
        record("s").having(
            Field.data("773", "0 ", ("w", "77")),
            Field.data("787", "0 ", ("w", "79")),
        )
    )
    await catalog.post(
        f"/v1/titles/{stays['id']}/merges",
        json={"merged": [{"title_id": gone["id"]}]},
        headers={"If-Match": '"1"'},
    )

    assert await related(catalog, title) == [[stays["id"]], [hidden["id"]]]
    with catalog.asking(ANONYMOUS):
        assert await related(catalog, title) == [[stays["id"]], []]


async def named_by(catalog: Harness, title: dict[str, Any], **params: Any) -> dict[str, Any]:
    answer = await catalog.get(f"/v1/titles/{title['id']}/relations", params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_the_way_back_is_told_as_the_way_there_is(catalog: Harness, shelves: Shelves) -> None:
    agency = Field.control("003", "XX")
    host = await shelves.title(record("77").having(agency, Field.data("022", "  ", ("a", "0378-5955"))))
    other = await shelves.title(record("78").having(agency))
    part = await shelves.title(
        record("p").having(
            agency,
            Field.data("773", "0 ", ("g", "Vol. 2"), ("w", "77")),
            Field.data("787", "0 ", ("w", "77")),
        )
    )
    later = await shelves.title(record("l").having(Field.data("780", "00", ("x", "0378-5955"))))
    volume = await shelves.title(record("v").having(Field.data("830", " 0", ("v", "7"), ("w", "(XX)77"))))
    elsewhere = await shelves.title(
        record("e").having(Field.data("773", "0 ", ("w", "(XX)78"), ("x", "0378-5955")))
    )
    hidden = await shelves.title(
        record("h").having(Field.data("773", "0 ", ("w", "(XX)77"))), suppressed="true"
    )
    await shelves.title(record("o").having(Field.data("773", "0 ", ("w", "(YY)77"))))
    async with shelves.indexed():
        told = await named_by(catalog, host)
        of_other = await named_by(catalog, other)
        first = await named_by(catalog, host, limit=2)
        second = await named_by(catalog, host, limit=2, cursor=first["next_cursor"])
        wrong = await catalog.get(f"/v1/titles/{host['id']}/relations", params={"cursor": "x"})
        there = [await related(catalog, each) for each in (part, later, volume, elsewhere)]
        with catalog.asking(ANONYMOUS):
            public = await named_by(catalog, host)

    def ways(told: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [(each["title"]["id"], each["kind"], each["title_is"]) for each in told["named_by"]]

    assert ways(told) == [
        (part["id"], "host", "constituent"),
        (part["id"], "related", "related"),
        (later["id"], "preceding", "succeeding"),
        (volume["id"], "series", "volume"),
        (hidden["id"], "host", "constituent"),
    ]
    assert told["named_by"][0]["part"] == "Vol. 2"
    assert ways(public) == ways(told)[:4]
    assert ways(of_other) == [(elsewhere["id"], "host", "constituent")]
    assert there == [[[host["id"]], [host["id"]]], [[host["id"]]], [[host["id"]]], [[other["id"]]]]
    assert ways(first) + ways(second) == ways(told)[:4]
    assert wrong.status_code == 422


async def test_who_named_a_title_that_was_merged_names_the_one_that_stays(
    catalog: Harness, shelves: Shelves
) -> None:
    gone, stays = await shelves.title(record("77")), await shelves.title(record("78"))
    part = await shelves.title(record("p").having(Field.data("773", "0 ", ("w", "77"))))
    own = await shelves.title(record("79").having(Field.data("787", "0 ", ("w", "79"))))
    await catalog.post(
        f"/v1/titles/{stays['id']}/merges",
        json={"merged": [{"title_id": gone["id"]}]},
        headers={"If-Match": '"1"'},
    )
    async with shelves.indexed():
        told = await named_by(catalog, stays)
        of_itself = await named_by(catalog, own)

    assert [each["title"]["id"] for each in told["named_by"]] == [part["id"]]
    assert (of_itself["named_by"], of_itself["next_cursor"]) == ([], None)
