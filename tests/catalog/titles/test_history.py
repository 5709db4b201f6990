"""Who changed what, and the way back; nothing that once stood is lost."""

import asyncio
from typing import Any

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from chassis.principal import Principal
from contracts.catalog import TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, record

MARC = {"Content-Type": "application/marc"}
OTHER = Principal("staff", "second", frozenset({"titles:write"}))


async def put(catalog: Harness, title: dict[str, Any], made: Record, version: int) -> None:
    answer = await catalog.put(
        f"/v1/titles/{title['id']}", content=dumps(made), headers={**MARC, "If-Match": f'"{version}"'}
    )
    assert answer.status_code == 200, answer.text


async def three_versions(catalog: Harness, shelves: Shelves) -> dict[str, Any]:
    title = await shelves.title(record("a"))
    with catalog.asking(OTHER):
        await put(catalog, title, record("a", title="Walden; or, Life in the woods"), 1)
    await put(
        catalog,
        title,
        record("a", title="Walden; or, Life in the woods").having(Field.data("650", " 0", ("a", "Ponds"))),
        2,
    )
    return title


async def test_the_history_tells_who_changed_which_field(catalog: Harness, shelves: Shelves) -> None:
    title = await three_versions(catalog, shelves)

    told = (await catalog.get(f"/v1/titles/{title['id']}/history", params={"limit": 1})).json()
    rest = (
        await catalog.get(f"/v1/titles/{title['id']}/history", params={"cursor": told["next_cursor"]})
    ).json()

    (third,), (second,) = told["items"], rest["items"]
    assert rest["next_cursor"] is None
    assert (third["version"], third["by"]) == (3, "staff:test-desk")
    assert [(each["kind"], each["tag"], each["occurrence"]) for each in third["differences"]] == [
        ("added", "650", 2)
    ]
    assert (second["version"], second["by"]) == (2, "staff:second")
    (changed,) = second["differences"]
    assert (changed["kind"], changed["tag"], changed["parts"]) == ("changed", "245", ["$a"])
    assert changed["before"]["subfields"] == [{"code": "a", "value": "Walden"}]
    assert changed["after"]["subfields"] == [{"code": "a", "value": "Walden; or, Life in the woods"}]


async def test_two_versions_are_compared(catalog: Harness, shelves: Shelves) -> None:
    title = await three_versions(catalog, shelves)

    told = (await catalog.get(f"/v1/titles/{title['id']}/diff", params={"earlier": 1})).json()
    back = await catalog.get(f"/v1/titles/{title['id']}/diff", params={"earlier": 3, "later": 2})
    none = await catalog.get(f"/v1/titles/{title['id']}/diff", params={"earlier": 7})

    assert (told["earlier"], told["later"]) == (1, 3)
    assert [each["tag"] for each in told["differences"]] == ["245", "650"]
    assert [each["kind"] for each in back.json()["differences"]] == ["removed"]
    assert (none.status_code, none.json()["code"]) == (404, "version-unknown")


async def test_an_earlier_version_is_restored_and_nothing_is_lost(catalog: Harness, shelves: Shelves) -> None:
    title = await three_versions(catalog, shelves)
    before = (
        await catalog.get(f"/v1/titles/{title['id']}?version=1", headers={"Accept": MARC["Content-Type"]})
    ).content

    answer = await catalog.post(
        f"/v1/titles/{title['id']}/restorations", json={"version": 1}, headers={"If-Match": '"3"'}
    )

    assert (answer.status_code, answer.json()["title"], answer.json()["version"]) == (200, "Walden", 4)
    now = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": MARC["Content-Type"]})
    assert now.content == before
    third = await catalog.get(f"/v1/titles/{title['id']}/diff", params={"earlier": 3, "later": 4})
    assert [each["kind"] for each in third.json()["differences"]] == ["changed", "removed"]
    assert [event.version for event in await catalog.announced(TitleUpdated)] == [2, 3, 4]


async def test_of_two_who_restore_at_once_one_is_told_to_look_again(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await three_versions(catalog, shelves)

    answers = await asyncio.gather(
        *(
            catalog.post(
                f"/v1/titles/{title['id']}/restorations",
                json={"version": version},
                headers={"If-Match": '"3"'},
            )
            for version in (1, 2)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_what_is_not_kept_is_not_restored(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    path = f"/v1/titles/{title['id']}"

    missing = await catalog.post(f"{path}/restorations", json={"version": 9}, headers={"If-Match": '"1"'})
    unsaid = await catalog.post(f"{path}/restorations", json={"version": 1})
    huge = await catalog.post(f"{path}/restorations", json={"version": 2**63}, headers={"If-Match": '"1"'})
    wrong = await catalog.get(f"{path}/history", params={"cursor": "WzddMQ"})
    with catalog.asking(Principal("staff", "reader", frozenset({"titles:read"}))):
        strange = await catalog.get(f"{path}/history")

    assert [each.status_code for each in (missing, unsaid, huge, wrong, strange)] == [404, 428, 422, 422, 403]
