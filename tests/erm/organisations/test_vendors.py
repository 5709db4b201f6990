"""Vendors: found by any name, with people to ask, places to sign in, and accounts to pay to."""

from typing import Any
from uuid import UUID

import pytest

from chassis.principal import Principal
from erm.sources.sealing import WrongSealingKey, opened
from support.acquiring import Make
from support.harness import Harness

ANNA, BEN, CLERK = (
    Principal("staff", f"0189000{n}-0000-7000-8000-000000000001", scopes)
    for n, scopes in enumerate(
        [
            frozenset({"bank-accounts:write"}),
            frozenset({"bank-accounts:write"}),
            frozenset({"organisations:read", "organisations:write"}),
        ]
    )
)
SECRET = "shop-pass-7f3a"
IBAN = "GB82 WEST 1234 5698 7654 32"


def tag(told: dict[str, Any]) -> dict[str, str]:
    """As it was seen."""
    return {"If-Match": f'"{told["version"]}"'}


def codes(answer: Any) -> list[str]:
    """Why it was refused."""
    return [reason["code"] for reason in answer.json()["reasons"]]


async def test_a_vendor_is_found_by_any_of_its_names_in_whatever_case(make: Make) -> None:
    body = {"code": "NBS", "name": "Nordic Books", "aliases": ["Boklåda Øst", "Old & Sons", "Old & Sons"]}
    entered = await make.post("/v1/organisations", body)

    found = [
        [each["code"] for each in (await make.get(f"/v1/organisations?name={name}"))["items"]]
        for name in ("nordic books", "nbs", "BOKLÅDA ØST", " old %26 sons ", "Old")
    ]

    assert found == [["NBS"]] * 4 + [[]]
    assert entered["aliases"] == ["Boklåda Øst", "Old & Sons"]


async def test_a_vendor_has_people_to_ask_and_accounts_with_ways_to_pay(make: Make, erm: Harness) -> None:
    contact = {"name": "M. Ordway", "purposes": ["orders", "claims"], "email": "orders@books.example"}
    account = {"number": "L-7", "name": "Main", "payment_method": "direct-debit"}
    body = {"code": "NBS", "name": "Nordic Books", "contacts": [contact], "accounts": [account]}
    told = await make.post("/v1/organisations", body)
    wrong = await erm.post(
        "/v1/organisations",
        json=body | {"code": "X", "contacts": [{"name": " ", "email": "nobody", "purposes": ["gossip"]}]},
    )

    shown = await make.get(f"/v1/organisations/{told['id']}")
    assert shown["contacts"][0].items() >= contact.items()
    assert shown["accounts"][0].items() >= account.items()
    assert wrong.status_code == 422
    assert {reason["pointer"] for reason in wrong.json()["reasons"]} == {
        "/contacts/0/name",
        "/contacts/0/email",
        "/contacts/0/purposes/0",
    }


async def test_a_secret_is_sealed_and_never_read_back(make: Make, erm: Harness) -> None:
    path = f"/v1/organisations/{make.vendor['id']}/interfaces"
    body = {"name": "Shop", "kinds": ["ordering"], "url": "https://shop.example/", "user_name": "library-7"}
    told = await make.post(path, body | {"secret": SECRET})
    where = f"{path}/{told['id']}"

    renamed = await erm.put(where, json=body | {"name": "The shop"}, headers=tag(told))
    moved = await erm.put(where, json=body | {"url": "https://else.example/"}, headers=tag(renamed.json()))
    sealed = await erm.resources.pool.fetchval("SELECT sealed FROM organisation_interface")
    shown = [await erm.get(where), await erm.get(path), renamed, moved]

    assert renamed.status_code == 200, renamed.text
    assert renamed.json()["secret_set_at"] == told["secret_set_at"] is not None
    assert (moved.status_code, codes(moved)) == (422, ["secret-needed"])
    assert all(SECRET not in answer.text and "sealed" not in answer.json() for answer in shown)
    assert opened(erm.resources.settings.sealing_key, UUID(told["id"]), sealed) == SECRET
    with pytest.raises(WrongSealingKey):
        opened(erm.resources.settings.sealing_key, UUID(make.vendor["id"]), sealed)

    forgotten = await erm.put(where, json=body | {"forget_secret": True}, headers=tag(renamed.json()))
    assert forgotten.json()["secret_set_at"] is None
    assert await erm.resources.pool.fetchval("SELECT sealed FROM organisation_interface") is None
    assert (await erm.delete(where)).status_code == 204
    assert (await erm.get(where)).status_code == 404


async def test_without_a_key_nothing_is_kept_in_plain_text(make: Make, erm: Harness) -> None:
    path = f"/v1/organisations/{make.vendor['id']}/interfaces"
    settings = erm.resources.settings
    erm.resources.settings = settings.model_copy(update={"sealing_key": None})
    try:
        refused = await erm.post(path, json={"name": "Shop", "secret": SECRET})
    finally:
        erm.resources.settings = settings

    assert (refused.status_code, codes(refused)) == (409, ["sealing-key-not-set"])
    assert (await make.get(path))["items"] == []


async def test_bank_accounts_are_for_those_who_may_see_them_and_count_when_two_have_looked(
    make: Make, erm: Harness
) -> None:
    path = f"/v1/organisations/{make.vendor['id']}/bank-accounts"
    with erm.asking(CLERK):
        hidden = [await erm.get(path), await erm.post(path, json={"holder": "B", "iban": IBAN})]
    with erm.asking(ANNA):
        wrong = await erm.post(path, json={"holder": "B", "iban": IBAN[:-1] + "3", "bic": "x"})
        both = await erm.post(path, json={"holder": "B", "iban": IBAN, "account_number": "1"})
        told = await make.post(path, {"holder": "Books Ltd", "iban": IBAN, "bic": "westgb22"})
        again = await erm.post(path, json={"holder": "Books Ltd", "iban": IBAN.lower()})
        own = await erm.post(f"{path}/{told['id']}/actions", json={"action": "confirm"}, headers=tag(told))

    assert [answer.status_code for answer in hidden] == [403, 403]
    assert {reason["pointer"] for reason in wrong.json()["reasons"]} == {"/iban", "/bic"}
    assert both.status_code == 422
    assert (told["iban"], told["bic"], told["state"]) == ("GB82WEST12345698765432", "WESTGB22", "unconfirmed")
    assert (again.status_code, codes(again)) == (409, ["bank-account-taken"])
    assert (own.status_code, codes(own)) == (409, ["told-by-yourself"])

    with erm.asking(BEN):
        confirmed = await erm.post(
            f"{path}/{told['id']}/actions", json={"action": "confirm"}, headers=tag(told)
        )
    assert (confirmed.json()["state"], confirmed.json()["confirmed_by"]) == ("confirmed", str(BEN.actor))


async def test_what_was_changed_meanwhile_is_not_confirmed(make: Make, erm: Harness) -> None:
    path = f"/v1/organisations/{make.vendor['id']}/bank-accounts"
    with erm.asking(ANNA):
        told = await make.post(path, {"holder": "Books Ltd", "iban": IBAN})
        where, other = f"{path}/{told['id']}", {"holder": "Books Ltd", "iban": "DE89370400440532013000"}
        changed = await erm.put(where, json=other, headers=tag(told))
    with erm.asking(BEN):
        seen_before = await erm.post(f"{where}/actions", json={"action": "confirm"}, headers=tag(told))
        confirmed = await erm.post(
            f"{where}/actions", json={"action": "confirm"}, headers=tag(changed.json())
        )
        mine = await erm.put(where, json=other | {"bank": "A bank"}, headers=tag(confirmed.json()))
        closed = await erm.post(f"{where}/actions", json={"action": "close"}, headers=tag(mine.json()))
        late = await erm.put(where, json=other, headers=tag(closed.json()))
        elsewhere = await erm.get(f"/v1/organisations/{told['id']}/bank-accounts/{told['id']}")

    assert seen_before.status_code == 412
    assert confirmed.json()["state"] == "confirmed"
    assert (mine.json()["state"], mine.json()["confirmed_by"]) == ("unconfirmed", None)
    assert closed.json()["state"] == "closed"
    assert (late.status_code, codes(late)) == (409, ["bank-account-state"])
    assert elsewhere.status_code == 404
