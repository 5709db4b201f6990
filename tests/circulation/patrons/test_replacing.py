"""A registration is put whole in the place of the one that was read."""

import asyncio
from typing import Any

import pytest

from contracts.circulation import PatronUpdated
from support.desk import CONFIGURATION, Make, codes, pointers, themselves
from support.harness import Harness

ADA: dict[str, Any] = {
    "group": "student",
    "family_name": "Lovelace",
    "given_name": "Ada",
    "barcode": "A 1",
    "email": "ada@example.org",
    "emails": [{"kind": "home", "address": "ada@home.example"}],
    "addresses": [{"kind": "home", "lines": ["1 St James's Square"], "valid_to": "2028-01-31"}],
    "identifiers": [{"kind": "student", "value": "1815"}],
    "statistics": {"faculty": "maths"},
    "note": "wants to be called by telephone",
}


@pytest.fixture(autouse=True)
async def _statistics(circulation: Harness, make: Make) -> None:
    told = CONFIGURATION | {
        "registration": {
            "statistics": [{"code": "faculty", "name": "Faculty", "values": ["maths", "law"]}],
        }
    }
    answer = await circulation.put("/v1/configuration/circulation", json=told)
    assert answer.status_code == 200, answer.text


async def registered(circulation: Harness) -> tuple[str, dict[str, Any]]:
    created = await circulation.post("/v1/patrons", json=ADA)
    assert created.status_code == 201, created.text
    return created.headers["location"], created.json()


async def test_what_was_read_can_be_put_back_as_it_is_and_nothing_has_happened(
    circulation: Harness, make: Make
) -> None:
    path, patron = await registered(circulation)

    answer = await circulation.put(path, json=patron, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, '"1"', patron)
    assert await circulation.announced(PatronUpdated) == []


async def test_what_is_left_out_is_emptied_and_the_card_remembered(circulation: Harness, make: Make) -> None:
    path, _ = await registered(circulation)
    body = {"group": "visitor", "family_name": "King", "active": True}

    answer = await circulation.put(path, json=body, headers={"If-Match": '"1"'})

    told = answer.json()
    assert answer.status_code == 200, answer.text
    assert (told["group"], told["family_name"], told["version"]) == ("visitor", "King", 2)
    emptied = ("given_name", "barcode", "email", "emails", "addresses", "identifiers", "statistics", "note")
    assert [name for name in emptied if told[name]] == []
    assert [(card["barcode"], card["state"]) for card in told["former_cards"]] == [("A 1", "replaced")]
    (event,) = await circulation.announced(PatronUpdated)
    assert {"group", "family_name", "identifiers", "statistics", "barcode"} <= set(event.changed)


async def test_a_registration_is_put_against_the_one_that_was_read(circulation: Harness, make: Make) -> None:
    path, patron = await registered(circulation)

    without = await circulation.put(path, json=patron)
    answers = await asyncio.gather(
        *(
            circulation.put(path, json=patron | {"given_name": name}, headers={"If-Match": '"1"'})
            for name in ("Augusta", "A.")
        )
    )

    assert without.status_code == 428
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert len(await circulation.announced(PatronUpdated)) == 1


async def test_everything_wrong_with_it_is_told_and_nothing_kept(circulation: Harness, make: Make) -> None:
    path, patron = await registered(circulation)
    other = await make.patron()
    wrong = patron | {"group": "nobody", "barcode": other["barcode"], "statistics": {"faculty": "magic"}}
    known = {"If-Match": '"1"'}

    answer = await circulation.put(path, json=wrong, headers=known)
    swapped = await circulation.put(path, json=patron | {"id": other["id"]}, headers=known)
    silent = await circulation.put(
        path, json={k: v for k, v in patron.items() if k != "active"}, headers=known
    )
    with circulation.asking(themselves(patron)):
        forbidden = await circulation.put(path, json=patron, headers=known)

    assert (answer.status_code, sorted(pointers(answer))) == (
        422,
        ["/barcode", "/group", "/statistics/faculty"],
    )
    assert (swapped.status_code, codes(swapped)) == (422, ["id-differs"])
    assert (silent.status_code, forbidden.status_code) == (422, 403)
    assert (await circulation.get(path)).json() == patron
