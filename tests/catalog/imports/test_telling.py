"""What an import tells of new titles and items without their models is what the models would tell."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from catalog.imports.rules import ItemData
from catalog.imports.telling import imported, new_item, new_items, title
from catalog.items.announcing import states_on
from catalog.titles.facts import columns, summary
from chassis.outbox import Origin, Plain, sealed
from contracts.catalog import ItemBase, ItemsAnnounced, ItemState, TitlesImported
from contracts.events import Actor, Envelope
from contracts.money import Amount
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
ITEM, HOLDINGS, TITLE, STACKS, IMPORT, ELSEWHERE = (UUID(int=number) for number in range(1, 7))
AROUND = Origin("catalog", 1, Actor("system", "import"))
PLAIN = ItemData("31000001", STACKS, "BOOK", "standard", "PS3048 .A1", None, None, None)
STATE = ItemState(
    item_id=ITEM,
    version=1,
    barcode="31000001",
    holdings_id=HOLDINGS,
    title_ids=(TITLE,),
    location_id=STACKS,
    material_type="BOOK",
    loan_type="standard",
    base_state=ItemBase.ACTIVE,
    call_number="PS3048 .A1",
    short_title="Walden",
    short_author=None,
    created_at=NOW,
)


def read(told: Plain) -> Any:
    """As whoever hears of it reads it."""
    return Envelope.model_validate_json(sealed(told, around=AROUND).envelope).opened()


@pytest.mark.parametrize(
    ("told", "suppressed", "also"),
    [
        (PLAIN, False, {}),
        (replace(PLAIN, barcode=None, call_number=None), True, {"barcode": None, "call_number": None}),
        (replace(PLAIN, volume="2", copy_number="c. 3"), False, {"volume": "2", "copy_number": "c. 3"}),
        (
            replace(PLAIN, purchase_minor=0, purchase_currency="EUR"),
            False,
            {"purchase_price": Amount(minor=0, currency="EUR")},
        ),
        (
            replace(PLAIN, replacement_minor=1999, replacement_currency="USD"),
            False,
            {"replacement_price": Amount(minor=1999, currency="USD")},
        ),
        (
            replace(PLAIN, described={"pieces": 2, "check_out_notes": ["A map."]}),
            False,
            {"pieces": 2, "check_out_notes": ("A map.",)},
        ),
        (
            replace(PLAIN, described={"temporary_location_id": str(ELSEWHERE)}),
            False,
            {
                "location_id": ELSEWHERE,
                "permanent_location_id": PLAIN.location_id,
                "temporary_location_id": ELSEWHERE,
            },
        ),
    ],
)
def test_an_item_is_told_as_its_state_would_be(
    told: ItemData, suppressed: bool, also: dict[str, Any]
) -> None:
    facts = new_item(
        told,
        ITEM,
        HOLDINGS,
        TITLE,
        short_title="Walden",
        short_author=None,
        suppressed=suppressed,
        now=NOW,
    )

    (event,) = map(read, new_items([facts], now=NOW))

    assert isinstance(event, ItemsAnnounced)
    assert event.items == (STATE.model_copy(update={"suppressed": suppressed, **also}),)


def test_items_and_titles_come_five_hundred_at_once() -> None:
    assert [len(each.fields["items"]) for each in new_items([{}] * 1001, now=NOW)] == [500, 500, 1]
    parts = imported([{}] * 501, import_id=IMPORT, now=NOW)
    assert [len(each.fields["titles"]) for each in parts] == [500, 1]


@pytest.mark.parametrize("suppressed", [False, True])
def test_a_title_is_told_as_its_summary_would_be(suppressed: bool) -> None:
    told = columns(record("a"))

    (event,) = map(read, imported([title(TITLE, 3, told, suppressed=suppressed)], import_id=IMPORT, now=NOW))

    assert isinstance(event, TitlesImported)
    assert event.titles == (summary(TITLE, 3, told, suppressed=suppressed),)
    assert (event.version, event.occurred_at, event.import_id) == (1, NOW, IMPORT)


def test_the_envelope_of_a_plain_event_is_that_of_its_model() -> None:
    event = TitlesImported(version=7, occurred_at=NOW, batch_id=TITLE, import_id=IMPORT, titles=())
    plain = Plain(TitlesImported, 7, NOW, {"batch_id": str(TITLE), "import_id": str(IMPORT), "titles": []})

    row, other = (sealed(each, around=AROUND) for each in (plain, event))

    assert (row.type, row.key) == (other.type, other.key)
    assert row.envelope.replace(str(row.id), "") == other.envelope.replace(str(other.id), "")


async def test_what_was_told_of_an_import_is_how_its_items_stand(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(
        file_of(
            with_items(record("a"), ("31000001", "MAIN", "STACKS"), ("31000002", "MAIN", "STACKS")),
            with_items(record("b", title="Cape Cod"), ("31000003", "MAIN", "STACKS")),
        ),
        profile="local-999",
    )

    (event,) = await catalog.announced(ItemsAnnounced)
    async with catalog.resources.pool.acquire() as connection:
        states = await states_on(connection, [told.item_id for told in event.items])
    assert list(event.items) == states
    assert [told.barcode for told in states] == ["31000001", "31000002", "31000003"]
