"""Which actions of a desk that was cut off are taken over, without a database."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from circulation.offline.rules import Action, Kind, flaws, superseded
from support.desk import NOW

HOUR = timedelta(hours=1)
LENT = Action(UUID(int=1), Kind.CHECK_OUT, NOW - HOUR, "I1", "P1")
BACK = Action(UUID(int=2), Kind.CHECK_IN, NOW, "I1", None)


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ([LENT, BACK], []),
        ([LENT, replace(BACK, id=LENT.id)], [(1, "id", "action-id-repeated")]),
        ([replace(LENT, at=NOW + timedelta(seconds=1))], [(0, "at", "moment-out-of-range")]),
        ([replace(LENT, at=NOW - timedelta(days=3651))], [(0, "at", "moment-out-of-range")]),
        ([replace(LENT, patron_barcode=None)], [(0, "patron_barcode", "patron-missing")]),
        ([replace(BACK, patron_barcode="P1")], [(0, "patron_barcode", "patron-unasked")]),
        (
            [LENT, replace(LENT, patron_barcode=None, at=NOW + HOUR)],
            [
                (1, "id", "action-id-repeated"),
                (1, "at", "moment-out-of-range"),
                (1, "patron_barcode", "patron-missing"),
            ],
        ),
    ],
)
def test_everything_wrong_with_a_file_is_told_with_its_place(
    actions: list[Action], found: list[tuple[int, str, str]]
) -> None:
    assert [(flaw.place, flaw.field, flaw.code) for flaw in flaws(actions, now=NOW)] == found


@pytest.mark.parametrize(
    ("seen", "left", "newer"),
    [
        (None, None, False),
        (NOW - HOUR, None, False),
        (NOW, None, False),
        (NOW + HOUR, None, True),
        (NOW + HOUR, NOW + HOUR, False),
        (NOW + HOUR, NOW + 2 * HOUR, True),
    ],
)
def test_what_another_desk_saw_later_is_newer_and_what_the_file_itself_did_is_not(
    seen: datetime | None, left: datetime | None, newer: bool
) -> None:
    assert superseded(at=NOW, last_seen_at=seen, left_at=left) is newer
