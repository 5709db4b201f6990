"""An import is taken back: what it made goes once circulation agrees, what it changed is as it was."""

import asyncio
from typing import Any
from uuid import UUID

from catalog.marc.iso2709 import dumps
from catalog.undoing.worker import undo_some
from contracts.catalog import ItemWithdrawalRequested, ItemWithdrawn, TitleDeleted
from contracts.circulation import ItemWithdrawalCleared, ItemWithdrawalRefused
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items


async def undone(catalog: Harness, job: dict[str, Any]) -> dict[str, Any]:
    answer = await catalog.post(f"/v1/imports/{job['id']}/undoing")
    assert answer.status_code == 202, answer.text
    return await worked(catalog, job)


async def worked(catalog: Harness, job: dict[str, Any]) -> dict[str, Any]:
    while await undo_some(catalog.resources):
        pass
    told: dict[str, Any] = (await catalog.get(f"/v1/imports/{job['id']}/undoing")).json()
    return told


async def outcomes(catalog: Harness, job: dict[str, Any], **params: Any) -> list[tuple[Any, ...]]:
    answer = await catalog.get(f"/v1/imports/{job['id']}/undoing/outcomes", params=params)
    return [
        (each["ordinal"], each["outcome"], *(reason["code"] for reason in each["reasons"]))
        for each in answer.json()["items"]
    ]


async def answered(catalog: Harness, *, refused: frozenset[UUID] = frozenset()) -> None:
    """Circulation answers whatever it was asked and has not answered yet."""
    ended = {told.withdrawal_id for told in await catalog.announced(ItemWithdrawn)}
    for asked in await catalog.announced(ItemWithdrawalRequested):
        told = {"withdrawal_id": asked.withdrawal_id, "item_id": asked.item_id}
        if asked.item_id in refused:
            await catalog.deliver(
                ItemWithdrawalRefused(version=1, occurred_at=asked.occurred_at, reasons=("on-loan",), **told)
            )
        elif asked.withdrawal_id not in ended:
            await catalog.deliver(ItemWithdrawalCleared(version=1, occurred_at=asked.occurred_at, **told))


async def item(catalog: Harness, barcode: str) -> dict[str, Any]:
    answer = await catalog.get("/v1/items", params={"barcode": barcode, "withdrawn": True})
    (told,) = answer.json()["items"]
    return dict(told)


async def test_everything_of_an_import_is_taken_back(catalog: Harness, shelves: Shelves) -> None:
    before = await shelves.imported(
        file_of(with_items(record("old"), ("1", "MAIN", "STACKS")), record("same")), profile="local-999"
    )
    job = await shelves.imported(
        file_of(
            with_items(record("old", title="Changed"), ("1", "LAW", "READING")),
            with_items(record("new"), ("2", "MAIN", "STACKS")),
            record("bare"),
            record("same"),
        ),
        profile="local-999",
    )
    was = await item(catalog, "1")

    first = await undone(catalog, job)
    assert (first["state"], first["counts"]) == (
        "waiting",
        {"removed": 1, "restored": 1, "waiting": 1, "conflict": 0},
    )
    await answered(catalog)
    last = await worked(catalog, job)

    assert (last["state"], last["counts"]["removed"], last["counts"]["waiting"]) == ("finished", 2, 0)
    assert await outcomes(catalog, job) == [(1, "restored"), (2, "removed"), (3, "removed")]
    old = (await catalog.get(f"/v1/titles/{was['title_id']}")).json()
    assert (old["title"], old["version"]) == ("Walden", 3)
    assert (await item(catalog, "1"))["library"] == "MAIN"
    assert len(await catalog.announced(TitleDeleted)) == 2
    holdings = await catalog.resources.pool.fetch("SELECT import_id FROM holdings WHERE deleted_at IS NULL")
    assert [row["import_id"] for row in holdings] == [UUID(before["id"])]

    again = await undone(catalog, job)
    assert (again["state"], again["counts"]) == (last["state"], last["counts"])
    assert (await catalog.get(f"/v1/titles/{was['title_id']}")).json()["version"] == 3
    assert len(await catalog.announced(TitleDeleted)) == 2
    back = await shelves.imported(file_of(record("bare")))
    assert back["counts"]["updated"] == 1


async def test_what_somebody_has_worked_with_stays_and_is_told(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(record("old")))
    job = await shelves.imported(
        file_of(
            record("old", title="Changed"),
            record("edited"),
            with_items(record("lent"), ("1", "MAIN", "STACKS")),
            with_items(record("grown"), ("2", "MAIN", "STACKS")),
        ),
        profile="local-999",
    )
    titles = [each["title_id"] for each in await shelves.outcomes(job)]
    for title_id, version, number in ((titles[0], 2, "old"), (titles[1], 1, "edited")):
        answer = await catalog.put(
            f"/v1/titles/{title_id}",
            content=dumps(record(number, title="Mine")),
            headers={"Content-Type": "application/marc", "If-Match": f'"{version}"'},
        )
        assert answer.status_code == 200, answer.text
    await shelves.item({"id": titles[3]}, barcode="3")
    lent = await item(catalog, "1")

    await undone(catalog, job)
    await answered(catalog, refused=frozenset({UUID(lent["id"])}))
    last = await worked(catalog, job)

    assert last["state"] == "finished-with-conflicts"
    assert await outcomes(catalog, job, outcome="conflict") == [
        (1, "conflict", "title-changed"),
        (2, "conflict", "title-changed"),
        (3, "conflict", "withdrawal-refused"),
        (4, "conflict", "items-left"),
    ]
    assert (await item(catalog, "2"))["base_state"] == "active"

    retried = await undone(catalog, job)
    await answered(catalog)
    assert retried["counts"]["waiting"] == 1
    assert (await worked(catalog, job))["counts"] == {
        "removed": 1,
        "restored": 0,
        "waiting": 0,
        "conflict": 3,
    }


async def test_an_edit_and_an_undo_at_once_leave_one_of_both(catalog: Harness, shelves: Shelves) -> None:
    job = await shelves.imported(file_of(record("a")))
    (told,) = await shelves.outcomes(job)
    assert (await catalog.post(f"/v1/imports/{job['id']}/undoing")).status_code == 202

    edit, _ = await asyncio.gather(
        catalog.put(
            f"/v1/titles/{told['title_id']}",
            content=dumps(record("a", title="Mine")),
            headers={"Content-Type": "application/marc", "If-Match": '"1"'},
        ),
        undo_some(catalog.resources),
    )

    last = await worked(catalog, job)
    title = (await catalog.get(f"/v1/titles/{told['title_id']}")).json()
    if edit.status_code == 200:
        assert (last["counts"]["conflict"], title["title"], title["deleted_at"]) == (1, "Mine", None)
    else:
        assert (edit.status_code, last["counts"]["removed"]) == (412, 1)
        assert title["deleted_at"] is not None


async def test_only_what_has_ended_and_has_written_can_be_taken_back(
    catalog: Harness, shelves: Shelves
) -> None:
    waiting = (await shelves.send(file_of(record("a")))).json()
    early = await catalog.post(f"/v1/imports/{waiting['id']}/undoing")
    await shelves.work()
    tried = await shelves.imported(file_of(record("b")), dry_run=True)
    dry = await catalog.post(f"/v1/imports/{tried['id']}/undoing")

    assert [(each.status_code, each.json()["reasons"][0]["code"]) for each in (early, dry)] == [
        (409, "import-under-way"),
        (409, "dry-run"),
    ]
    nobody = await catalog.get(f"/v1/imports/{tried['id']}/undoing")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "undo-unknown")
