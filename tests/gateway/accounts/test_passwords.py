"""A wrong name takes as long as a wrong password."""

from argon2 import extract_parameters

from gateway.accounts.passwords import NOBODYS, hashed, matches


async def test_nobodys_hash_costs_what_everybodys_does_and_no_password_is_its() -> None:
    assert extract_parameters(NOBODYS) == extract_parameters(await hashed("some password"))
    assert not await matches("some password", None)
