"""Circulation makes registrations of one person one; their requests are the surviving one's."""

import asyncio
from uuid import UUID, uuid4

from chassis.ids import uuid7
from contracts.circulation import PatronBlockAdded, PatronMerged, PatronUpdated
from support.harness import Harness
from support.lending import NOW, Make, themselves


def merged(survivor: UUID, *others: UUID, version: int = 2) -> PatronMerged:
    return PatronMerged(
        version=version,
        occurred_at=NOW,
        patron_ref=survivor,
        merged_refs=others,
        patron_group="student",
        loans=0,
        holds=0,
        fees=0,
    )


async def test_a_merged_patrons_requests_are_the_surviving_ones_and_whoever_is_signed_in_goes_on(
    ill: Harness, make: Make
) -> None:
    await make.partner()
    new, old = await make.patron(), await make.patron()
    request = await make.request(old)
    message = ill.message(merged(new, old), source="circulation")

    await ill.deliver_messages(message)
    await ill.deliver_messages(message)

    with ill.asking(themselves(old)):
        seen = (await ill.get("/v1/ill/requests")).json()["items"]
        one = await ill.get(f"/v1/ill/requests/{request['id']}")
        another = await make.place(old, citation={"title": "Another", "author": "Okafor, Adaeze"})
    by_staff = (await ill.get("/v1/ill/requests", params={"patron_id": str(old)})).json()["items"]

    assert [(each["id"], each["patron_id"]) for each in seen] == [(request["id"], str(new))]
    assert one.json()["version"] == request["version"]
    assert (another.status_code, another.json()["patron_id"]) == (201, str(new))
    assert len(by_staff) == 2


async def test_what_is_heard_late_or_in_another_order_leads_to_the_last_survivor(
    ill: Harness, make: Make
) -> None:
    first, second, third = [await make.patron() for _ in range(3)]
    await ill.deliver(merged(third, second), source="circulation")
    await ill.deliver(merged(second, first), source="circulation")
    late = PatronUpdated(version=9, occurred_at=NOW, patron_ref=first, patron_group="staff")
    block = PatronBlockAdded(
        version=1, occurred_at=NOW, patron_ref=first, block_id=uuid4(), actions=("borrow",), until=None
    )
    await ill.deliver(late, block, source="circulation")

    leads = await ill.resources.pool.fetch("SELECT merged_ref, patron_ref FROM merged_patron")
    known = await ill.resources.pool.fetch("SELECT patron_ref FROM known_patron")
    blocked = await ill.resources.pool.fetchval("SELECT patron_ref FROM known_block")

    assert {tuple(row) for row in leads} == {(first, third), (second, third)}
    assert [row["patron_ref"] for row in known] == [third]
    assert blocked == third


async def test_a_request_placed_while_its_patron_is_merged_is_the_surviving_ones(
    ill: Harness, make: Make
) -> None:
    new = await make.patron()
    for _ in range(4):
        old = uuid7()
        await asyncio.gather(
            make.place(old, citation={"title": str(old), "author": "N."}),
            ill.deliver(merged(new, old), source="circulation"),
        )

    owners = await ill.resources.pool.fetch("SELECT DISTINCT patron_ref FROM request")

    assert [row["patron_ref"] for row in owners] == [new]
