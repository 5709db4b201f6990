"""Check-out: who, what, where, and every reason against it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.principal import Principal
from contracts.catalog import ItemBase
from contracts.circulation import LoanCreated
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, statements, themselves
from support.harness import Harness


@pytest.mark.parametrize("barcode", ["0 042", " 42 ", "a b  c", "*42$", "Ä-7/é"])
async def test_barcodes_are_matched_exactly(circulation: Harness, make: Make, barcode: str) -> None:
    await make.patron(barcode=barcode)
    await make.item(barcode=barcode)
    body = {"patron_barcode": barcode, "item_barcode": barcode, "service_point_id": make.desk}

    trimmed = await circulation.post("/v1/loans", json=body | {"item_barcode": barcode + " "})
    lent = await circulation.post("/v1/loans", json=body)

    assert trimmed.status_code == 404
    assert lent.status_code == 201
    assert lent.json()["item_barcode"] == barcode


@pytest.mark.parametrize("by", ["id", "barcode"])
async def test_everything_unknown_is_told_at_once(circulation: Harness, make: Make, by: str) -> None:
    unknown = str(uuid4())
    body = {f"patron_{by}": unknown, f"item_{by}": unknown, "service_point_id": unknown}

    answer = await circulation.post("/v1/loans", json=body)

    assert answer.status_code == 404
    assert codes(answer) == ["patron-unknown", "item-unknown", "service-point-unknown"]
    assert pointers(answer) == [f"/patron_{by}", f"/item_{by}", "/service_point_id"]


async def test_a_client_lends_at_its_own_desk_unless_it_names_another(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    here = Principal("client", "kiosk", frozenset({"loans:create"}), service_point_id=make.desks["law-desk"])

    with circulation.asking(here):
        own = await make.lend(patron, await make.item(), service_point_id=None)
        named = await make.lend(patron, await make.item())
    nowhere = await make.lend(patron, await make.item(), service_point_id=None)

    assert own.json()["service_point_id"] == str(make.desks["law-desk"])
    assert named.json()["service_point_id"] == make.desk
    assert (nowhere.status_code, codes(nowhere)) == (422, ["service-point-unknown"])


async def test_staff_lend_only_in_their_own_libraries(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    of_law = Principal("staff", "x", frozenset({"loans:create"}), libraries=frozenset({"LAW"}))

    with circulation.asking(of_law):
        elsewhere = await make.lend(patron, item)
        at_home = await make.lend(patron, item, service_point_id=str(make.desks["law-desk"]))

    assert elsewhere.status_code == 403
    assert at_home.status_code == 201


async def test_a_patron_does_not_lend_to_themselves_by_this_door(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    with circulation.asking(themselves(patron)):
        answer = await make.lend(patron, item)

    assert answer.status_code == 403
    assert (await make.state(item))["state"] == "available"


async def test_a_loan_may_be_dated_back_but_never_ahead(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    yesterday = NOW - timedelta(days=1)

    lent = await make.lend(patron, await make.item(), lent_at=yesterday.isoformat())
    ahead = await make.lend(patron, await make.item(), lent_at=(NOW + timedelta(seconds=1)).isoformat())
    with circulation.asking(Principal("staff", "x", frozenset({"loans:create"}))):
        without = await make.lend(patron, await make.item(), lent_at=yesterday.isoformat())

    assert (lent.status_code, lent.json()["due_at"]) == (201, "2027-03-28T21:59:59Z")
    assert (ahead.status_code, pointers(ahead)) == (422, ["/lent_at"])
    assert without.status_code == 403


async def test_an_override_needs_a_comment_a_scope_and_for_reading_room_items_a_due_time(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item(loan_type="reference")
    blocks = ["item-not-loanable"]
    wish = {"blocks": blocks, "comment": "for the exhibition", "due_at": "2027-03-05T12:00:00Z"}

    silent = await make.lend(patron, item, override={"blocks": blocks})
    timeless = await make.lend(patron, item, override=wish | {"due_at": None})
    past = await make.lend(patron, item, override=wish | {"due_at": NOW.isoformat()})
    with circulation.asking(Principal("staff", "x", frozenset({"loans:create"}))):
        without = await make.lend(patron, item, override=wish)
    lent = await make.lend(patron, item, override=wish)

    assert (silent.status_code, pointers(silent)) == (422, ["/override/comment"])
    assert (timeless.status_code, codes(timeless)) == (409, ["item-not-loanable"])
    assert (past.status_code, codes(past)) == (409, ["due-not-ahead"])
    assert without.status_code == 403
    assert (lent.status_code, lent.json()["due_at"]) == (201, "2027-03-05T12:00:00Z")
    assert [event.overridden for event in await circulation.announced(LoanCreated)] == [
        ("item-not-loanable",)
    ]


async def test_an_override_that_is_not_needed_does_no_harm(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    lent = await make.lend(patron, item, override={"blocks": ["fees-owed"], "comment": "just in case"})

    assert lent.status_code == 201
    assert [event.overridden for event in await circulation.announced(LoanCreated)] == [()]


async def test_nothing_overrides_a_loan_to_somebody_else(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)

    answer = await make.lend(
        await make.patron(), item, override={"blocks": ["item-on-loan"], "comment": "give it here"}
    )

    assert (answer.status_code, codes(answer)) == (422, ["item-on-loan"])


async def test_nothing_is_lent_for_longer_than_ten_years(circulation: Harness, make: Make) -> None:
    override = {"blocks": ["fees-owed"], "comment": "forever", "due_at": "9999-12-31T23:59:59Z"}

    answer = await make.lend(await make.patron(), await make.item(), override=override)

    assert (answer.status_code, pointers(answer)) == (422, ["/override/due_at"])


@pytest.mark.parametrize("expired", ["1000-01-01T00:00:00Z", "1970-01-01T00:00:00-12:00"])
async def test_a_card_that_never_was_valid_lends_nothing(
    circulation: Harness, make: Make, expired: str
) -> None:
    patron = await make.patron(expires_at=expired)

    answer = await make.lend(patron, await make.item())

    assert (answer.status_code, codes(answer)) == (409, ["card-expired", "due-not-ahead"])


async def test_a_loan_ends_with_the_card_at_the_end_of_an_open_day(circulation: Harness, make: Make) -> None:
    patron = await make.patron(expires_at="2027-03-10T11:00:00Z")

    loan = await make.loan(patron, await make.item())

    assert loan["due_at"] == "2027-03-09T22:59:59Z"


async def test_what_stands_against_the_item_in_the_catalogue_stands_against_the_loan(
    circulation: Harness, make: Make
) -> None:
    item = await make.item(base_state=ItemBase.MISSING)

    refused = await make.lend(await make.patron(), item)
    found = await make.lend(
        await make.patron(), item, override={"blocks": ["item-state"], "comment": "here it is"}
    )

    assert codes(refused) == ["item-state"]
    assert found.status_code == 201


async def test_a_group_has_a_limit_of_its_own(circulation: Harness, make: Make) -> None:
    visitor = await make.patron(group="visitor")
    for _ in range(2):
        await make.loan(visitor, await make.item())

    answer = await make.lend(visitor, await make.item())

    assert codes(answer) == ["group-loan-limit"]


async def test_new_rules_hold_from_the_next_check_out_on(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    await make.loan(patron, await make.item())
    shorter = [CONFIGURATION["loan_policies"][0] | {"period": {"amount": 2, "unit": "day"}}]

    await make.configure(loan_policies=shorter + CONFIGURATION["loan_policies"][1:])
    loan = await make.loan(patron, await make.item())

    assert loan["due_at"] == "2027-03-03T22:59:59Z"
    assert loan["rules_version"] == 2


async def test_a_dry_run_tells_the_blocks_and_leaves_the_key_unused(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item(loan_type="reference")
    body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": make.desk}

    told = (await circulation.post("/v1/loans?dry_run=true", json=body, key="k")).json()
    real = await make.lend(patron, await make.item(), key="k")

    assert told["allowed"] is False
    assert [block["code"] for block in told["blocks"]] == ["item-not-loanable"]
    assert real.status_code == 201


async def test_a_request_that_failed_is_done_when_it_comes_again(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    pool = circulation.resources.pool
    await pool.execute(
        "ALTER TABLE outbox ADD CONSTRAINT full_disk CHECK (type <> 'circulation.loan-created.v1')"
    )
    broken = await make.lend(patron, item, key="again")
    assert (await make.state(item))["state"] == "available"
    await pool.execute("ALTER TABLE outbox DROP CONSTRAINT full_disk")

    mended = await make.lend(patron, item, key="again")

    assert (broken.status_code, mended.status_code) == (500, 201)
    assert "Idempotency-Replayed" not in mended.headers


@pytest.mark.parametrize("item_by", ["id", "barcode"])
@pytest.mark.parametrize("patron_by", ["id", "barcode"])
async def test_an_everyday_check_out_looks_once_and_acts_once(
    circulation: Harness, make: Make, patron_by: str, item_by: str
) -> None:
    patron = await make.patron(barcode="P 1")
    await make.loan(patron, await make.item())
    item = await make.item(barcode="I 1")
    body = {f"patron_{patron_by}": patron[patron_by], "service_point_id": make.desk}
    body[f"item_{item_by}"] = str(item.item_id) if item_by == "id" else "I 1"

    async with statements(circulation) as asked:
        lent = await circulation.post("/v1/loans", json=body)

    assert lent.status_code == 201, lent.text
    assert len(asked) == 2


async def test_what_is_not_everyday_is_looked_at_again_with_everything(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(await make.patron(), item)
    await make.hold(patron, item)

    async with statements(circulation) as asked:
        refused = await make.lend(await make.patron(), item)

    assert codes(refused) == ["item-on-loan"]
    assert (
        len([each for each in asked if "AS own_hold" in each.query and "NULL::uuid" not in each.query]) == 1
    )
