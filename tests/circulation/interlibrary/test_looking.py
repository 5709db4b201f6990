"""Interlibrary loan asks how a patron stands, and is answered with all that stops them at this moment."""

from uuid import UUID

from chassis.ids import uuid7
from contracts.circulation import PatronLookedAt
from contracts.ill import PatronSought
from support.desk import NOW, Make
from support.harness import Harness


async def stands(circulation: Harness, patron: UUID) -> PatronLookedAt:
    """The answer."""
    event = PatronSought(version=7, occurred_at=NOW, request_id=uuid7(), patron_ref=patron)
    await circulation.deliver(event, source="ill")
    answer = (await circulation.announced(PatronLookedAt))[-1]
    assert (answer.request_id, answer.asked) == (event.request_id, 7)
    return answer


async def test_everything_that_stops_a_patron_is_told_and_nothing_else_of_them(
    circulation: Harness, make: Make
) -> None:
    well = UUID((await make.patron())["id"])
    expired = UUID((await make.patron(expires_at="2020-01-01T00:00:00Z"))["id"])
    blocked = UUID((await make.patron())["id"])
    barred = {"actions": ["hold"], "note": "x"}
    answer = await circulation.post(f"/v1/patrons/{blocked}/blocks", json=barred)
    assert answer.status_code == 201, answer.text

    told = [await stands(circulation, patron) for patron in (well, expired, blocked, uuid7())]

    assert [(one.known, one.reasons) for one in told] == [
        (True, ()),
        (True, ("card-expired",)),
        (True, ("patron-blocked",)),
        (False, ()),
    ]


async def test_a_reference_of_former_times_is_the_patron_they_have_become(
    circulation: Harness, make: Make
) -> None:
    stays, goes = [await make.patron() for _ in range(2)]
    merge = {"merged_ids": [goes["id"]], "reason": "the same person"}
    await circulation.post(f"/v1/patrons/{stays['id']}/merges", json=merge)

    assert (await stands(circulation, UUID(goes["id"]))).known
