"""Why it is decided as it is, for any patron or group and any item or facts, without lending anything."""

from typing import Any

import httpx

from chassis.principal import Principal
from contracts.circulation import LoanCreated
from support.desk import CONFIGURATION, Make
from support.harness import Harness


async def explain(circulation: Harness, **asked: Any) -> httpx.Response:
    return await circulation.get("/v1/rules:explain", params=asked)


async def test_an_item_and_a_patron_are_explained_with_the_policies_and_the_due_time(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item(material_type="video")

    told = (
        await explain(
            circulation,
            item_barcode=item.barcode,
            patron_barcode=patron["barcode"],
            action="check-out",
            service_point_id=make.desk,
        )
    ).json()

    assert told["facts"]["patron_group"] == "student"
    assert (told["facts"]["library"], told["facts"]["material_type"]) == ("MAIN", "video")
    assert [(rule["line"], rule["won"]) for rule in told["rules"]] == [(2, True), (3, False), (1, False)]
    assert told["policies"]["loan"]["period"] == {"amount": 7, "unit": "day"}
    assert (told["policies"]["fine"]["code"], told["policies"]["hold"]["code"]) == ("daily", "usual")
    assert told["decided"] == {
        "action": "check-out",
        "allowed": True,
        "blocks": [],
        "due_at": "2027-03-08T22:59:59Z",
        "due_zone": "Europe/Berlin",
        "kinds": None,
        "charges": [],
    }
    assert (await make.state(item))["state"] == "available"
    assert await circulation.announced(LoanCreated) == []


async def test_facts_are_enough_and_go_before_the_items(circulation: Harness, make: Make) -> None:
    item = await make.item(material_type="video")

    told = (await explain(circulation, patron_group="visitor", library="MAIN", loan_type="reference")).json()
    changed = (await explain(circulation, item_id=str(item.item_id), material_type="book")).json()
    nothing = (await explain(circulation)).json()

    assert [rule["line"] for rule in told["rules"] if rule["won"]] == [3]
    assert changed["facts"]["material_type"] == "book"
    assert [rule["line"] for rule in changed["rules"] if rule["won"]] == [1]
    assert [rule["line"] for rule in nothing["rules"] if rule["won"]] == [1]


async def test_what_is_not_lent_and_what_may_be_held_is_told(circulation: Harness, make: Make) -> None:
    asked = {"loan_type": "reference", "library": "MAIN"}

    lent = (await explain(circulation, action="check-out", **asked)).json()["decided"]
    held = (await explain(circulation, action="hold", **asked)).json()["decided"]

    assert (lent["allowed"], lent["due_at"]) == (False, None)
    assert [block["code"] for block in lent["blocks"]] == ["item-not-loanable"]
    assert held["kinds"] == ["hold", "page", "recall"]


async def test_what_is_unknown_or_named_twice_is_told(circulation: Harness, make: Make) -> None:
    item, patron = await make.item(), await make.patron()

    answers = [
        await explain(circulation, item_barcode="none"),
        await explain(circulation, patron_barcode="none"),
        await explain(circulation, item_barcode=item.barcode, item_id=str(item.item_id)),
        await explain(circulation, patron_id=patron["id"], patron_group="student"),
        await explain(circulation, action="check-out", library="NOWHERE"),
        await explain(circulation, action="steal"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 422, 422, 422, 422]
    with circulation.asking(Principal("patron", "p", frozenset({"account:own"}))):
        assert (await explain(circulation)).status_code == 403


async def test_places_within_places_and_places_that_are_unknown(circulation: Harness, make: Make) -> None:
    """Cases 129 and 130: institution, campus and library weigh in this order; what matches none falls back."""
    lines = [
        {"when": {name: [value]}, "loan": "one-week", "fine": "none", "hold": "usual"}
        for name, value in (("library", "MAIN"), ("campus", "CITY"), ("institution", "UNI"))
    ]
    await make.configure(rules=[CONFIGURATION["rules"][0], *lines])
    item = await make.item()

    here = (await explain(circulation, item_id=str(item.item_id))).json()["rules"]
    campus = (await explain(circulation, library="LAW", campus="CITY", institution="UNI")).json()["rules"]
    institution = (await explain(circulation, institution="UNI")).json()["rules"]
    nowhere = (await explain(circulation, location="MOON", library="SEA")).json()["rules"]

    assert [rules[0]["line"] for rules in (here, campus, institution, nowhere)] == [2, 3, 4, 1]
