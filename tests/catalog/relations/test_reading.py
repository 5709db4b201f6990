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
