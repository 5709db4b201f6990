"""The directory of partners."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from ill.partners.rules import closing_contradicts, hashed, new_security_code, proves
from ill.partners.sealing import WrongSealingKey, opened
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import CONFIGURATION, Make


async def test_a_partner_is_entered_read_and_changed_by_whoever_read_it_last(
    ill: Harness, make: Make
) -> None:
    partner = await make.partner()
    path = f"/v1/ill/partners/{partner['id']}"
    body = {"name": "Renamed", "symbol": "XX-SUPA", "address": partner["address"], "max_open": 5}

    read = await ill.get(path)
    changed = await ill.put(path, json=body, headers={"If-Match": read.headers["etag"]})
    stale = await ill.put(path, json=body, headers={"If-Match": read.headers["etag"]})

    assert read.json() == partner
    assert (changed.status_code, changed.headers["etag"], changed.json()["max_open"]) == (200, '"2"', 5)
    assert stale.status_code == 412


async def test_a_symbol_is_one_librarys_whatever_its_case(ill: Harness, make: Make) -> None:
    await make.partner("XX-SUPA", client_id="c1")
    body = {"name": "Other", "symbol": "xx-supa"}

    taken = await ill.post("/v1/ill/partners", json=body)
    client = await ill.post("/v1/ill/partners", json=body | {"symbol": "XX-SUPB", "client_id": "c1"})

    assert (taken.status_code, pointers(taken)) == (409, ["/symbol"])
    assert (client.status_code, pointers(client)) == (409, ["/client_id"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "ftp://library.example/"},
        {"address": "http://user:secret@library.example/"},
        {"address": "http:///iso"},
        {"closed_from": "2027-03-01"},
        {"closed_from": "2027-03-02", "closed_until": "2027-03-01"},
        {"symbol": " "},
        {"days_to_respond": 0},
        {"colour": "red"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_wrong_partner_is_not_entered(ill: Harness, wrong: dict[str, Any]) -> None:
    answer = await ill.post("/v1/ill/partners", json={"name": "A", "symbol": "XX-A"} | wrong)

    assert answer.status_code == 422


async def test_secrets_go_in_or_out_once_and_are_never_told(ill: Harness, make: Make) -> None:
    partner = await make.partner()
    path = f"/v1/ill/partners/{partner['id']}"

    code = (await ill.post(f"{path}/security-codes")).json()["security_code"]
    other = (await ill.post(f"{path}/security-codes")).json()["security_code"]
    kept = await ill.put(f"{path}/credentials", json={"account": "us", "security_code": "s3cret"})
    told = await ill.get(path)

    assert kept.status_code == 204
    assert (told.json()["has_security_code"], told.json()["has_our_credentials"]) == (True, True)
    assert not {code, other, "s3cret"} & set(told.text.split('"'))
    stored = await ill.resources.pool.fetchrow("SELECT * FROM partner_secret")
    assert stored is not None
    assert proves(other, stored["security_code_hash"])
    assert not proves(code, stored["security_code_hash"])
    assert await ill.resources.pool.fetchval("SELECT count(*) FROM idempotency WHERE body IS NOT NULL") == 1


def test_a_code_proves_itself_alone() -> None:
    code = new_security_code()

    assert proves(code, hashed(code))
    assert not proves(code, None)
    assert not proves(None, hashed(code))
    assert new_security_code() != code


def test_a_closing_has_two_ends_in_order() -> None:
    assert not closing_contradicts(None, None)


async def test_the_configuration_is_compared_and_applied_as_a_whole(ill: Harness, make: Make) -> None:
    body = CONFIGURATION | {"max_cost": 3000, "times": {"condition_days": 2}}

    dry = await ill.put("/v1/configuration/ill?dry_run=true", json=body)
    done = await ill.put("/v1/configuration/ill", json=body)
    again = await ill.put("/v1/configuration/ill", json=body)
    read = await ill.get("/v1/configuration/ill")

    assert dry.json()["sections"] == {
        "settings": {"added": [], "changed": ["max_cost", "times"], "removed": []}
    }
    assert [answer.json()["applied"] for answer in (dry, done, again)] == [False, True, False]
    assert read.json()["times"]["condition_days"] == 2
    assert (await ill.put("/v1/configuration/ill", json=read.json())).json()["sections"] == {}


async def test_a_symbol_that_partners_know_is_not_taken_away(ill: Harness, make: Make) -> None:
    answer = await make.configure(agency=None)

    assert (answer.status_code, codes(answer)) == (422, ["agency-needed"])


async def test_credentials_of_a_release_before_sealing_are_sealed_and_another_key_opens_nothing(
    ill: Harness, make: Make
) -> None:
    partner = UUID((await make.partner())["id"])
    pool, key = ill.resources.pool, ill.resources.settings.sealing_key
    await pool.execute("INSERT INTO partner_secret (partner_id, our_token) VALUES ($1, 't0ken')", partner)

    await ill.tick("seal-old-credentials")

    row = await pool.fetchrow("SELECT our_token, sealed FROM partner_secret WHERE partner_id = $1", partner)
    assert row is not None
    told = {"account": None, "security_code": None, "token": "t0ken"}
    assert (row["our_token"], opened(key, partner, bytes(row["sealed"]))) == (None, told)
    for wrong, whose in (
        (SecretStr("another key of that length"), partner),
        (key, UUID(int=1)),
        (None, partner),
    ):
        with pytest.raises(WrongSealingKey, match="ILL_SEALING_KEY"):
            opened(wrong, whose, bytes(row["sealed"]))
