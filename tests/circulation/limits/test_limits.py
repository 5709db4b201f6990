"""Limits at the desk: by rule, by library, by patron, each counting what it should, also when two lend at once."""

import asyncio
from typing import Any

from support.desk import CONFIGURATION, Make, codes
from support.harness import Harness

FALLBACK, VIDEO, REFERENCE = CONFIGURATION["rules"]
BOOK = {"when": {"material_type": ["book"]}, "loan": "four-weeks", "fine": "daily", "hold": "usual"}


async def test_a_limit_of_books_is_no_limit_of_videos(circulation: Harness, make: Make) -> None:
    video = VIDEO | {"loan": "four-weeks"}
    await make.configure(rules=[FALLBACK, video, REFERENCE, BOOK | {"max_loans": 2}])
    patron = await make.patron()
    for _ in range(2):
        await make.loan(patron, await make.item())

    third = await make.lend(patron, await make.item())
    film = await make.lend(patron, await make.item(material_type="video"))

    assert codes(third) == ["rule-loan-limit"]
    assert (third.json()["reasons"][0]["value"], third.json()["reasons"][0]["limit"]) == (2, 2)
    assert film.status_code == 201


async def test_a_limit_that_names_no_combination_is_not_saved(circulation: Harness, make: Make) -> None:
    answer = await make.configure(rules=[FALLBACK | {"max_loans": 2}, VIDEO, REFERENCE])

    assert answer.status_code == 422
    assert [(told["code"], told["pointer"]) for told in answer.json()["reasons"]] == [
        ("limit-counts-nothing", "/rules/0/max_loans")
    ]


async def test_what_is_claimed_returned_does_not_count(circulation: Harness, make: Make) -> None:
    await make.configure(rules=[FALLBACK, VIDEO, REFERENCE, BOOK | {"max_loans": 1}])
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    before = await make.lend(patron, await make.item())
    claimed = await circulation.post(f"/v1/loans/{loan['id']}/claims", json={"comment": "book drop"})

    after = await make.lend(patron, await make.item())

    assert codes(before) == ["rule-loan-limit"]
    assert (claimed.status_code, after.status_code) == (201, 201)


async def test_a_library_lends_only_so_many_of_its_own_to_a_group(circulation: Harness, make: Make) -> None:
    students = CONFIGURATION["patron_groups"][0] | {"max_loans_of": {"LAW": 1}}
    await make.configure(patron_groups=[students, CONFIGURATION["patron_groups"][1]])
    patron, law = await make.patron(), {"location_id": make.locations["LAW"]}
    await make.loan(patron, await make.item(**law))

    second = await make.lend(patron, await make.item(**law))
    other = await make.lend(patron, await make.item())
    override = {"blocks": ["library-loan-limit"], "comment": "moot court"}
    granted = await make.lend(patron, await make.item(**law), override=override)

    assert codes(second) == ["library-loan-limit"]
    assert (other.status_code, granted.status_code) == (201, 201)


async def test_the_limits_of_a_rule_and_a_library_are_exact_under_a_race(
    circulation: Harness, make: Make
) -> None:
    students = CONFIGURATION["patron_groups"][0] | {"max_loans_of": {"LAW": 2}}
    await make.configure(
        patron_groups=[students], rules=[FALLBACK, VIDEO, REFERENCE, BOOK | {"max_loans": 3}]
    )
    patron = await make.patron()
    items = [await make.item(location_id=make.locations[("LAW", "MAIN")[n % 2]]) for n in range(8)]

    answers = await asyncio.gather(*(make.lend(patron, item) for item in items))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    lent = [item for item, answer in zip(items, answers, strict=True) if answer.status_code == 201]
    assert sum(item.location_id == make.locations["LAW"] for item in lent) <= 2
    assert {code for answer in answers if answer.status_code == 409 for code in codes(answer)} <= {
        "rule-loan-limit",
        "library-loan-limit",
    }


async def test_a_limit_that_comes_with_new_rules_counts_from_the_first_loan_on(
    circulation: Harness, make: Make
) -> None:
    """The process knows only the old rules when it looks; it looks again by the new ones."""
    patron = await make.patron()
    await make.loan(patron, await make.item())
    before: Any = circulation.resources.own["shelf"].newest
    await make.configure(rules=[FALLBACK, VIDEO, REFERENCE, BOOK | {"max_loans": 1}])
    circulation.resources.own["shelf"]._library = before

    refused = await make.lend(patron, await make.item())

    assert codes(refused) == ["rule-loan-limit"]


async def test_a_second_copy_is_asked_about_and_another_volume_is_not(
    circulation: Harness, make: Make
) -> None:
    policies = [CONFIGURATION["loan_policies"][0] | {"ask_second_copy": True}]
    await make.configure(loan_policies=policies + CONFIGURATION["loan_policies"][1:])
    patron, first = await make.patron(), await make.item(volume="1")
    copy = await make.item(title_ids=first.title_ids, volume="1")
    volume = await make.item(title_ids=first.title_ids, volume="2")
    await make.loan(patron, first)

    asked = await make.lend(patron, copy)
    another = await make.lend(patron, volume)
    confirmed = await make.lend(patron, copy, confirm_second_copy=True)

    assert (asked.status_code, codes(asked)) == (409, ["second-copy"])
    assert (another.status_code, confirmed.status_code) == (201, 201)
