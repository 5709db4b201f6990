"""Keys turn: the next one is known before it signs, the last one as long as its tokens may live."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from chassis.problems import Unauthenticated
from chassis.tokens import Verifier, jwt_header
from gateway.tokens.keys import PUBLISHED_AFTER, PUBLISHED_BEFORE, SIGNS_FOR, Sealer, WrongSealingKey
from gateway.tokens.minting import Mint
from support.front import OPERATOR, Front, bearer, fronting, listening


async def kids(gateway: Front) -> list[str]:
    mint: Mint = gateway.app.state.mint
    await mint.keys(fresh=True)
    told: dict[str, Any] = (await gateway.get("/.well-known/jwks.json")).json()
    return [key["kid"] for key in told["keys"]]


async def signer(gateway: Front) -> str:
    rows = await gateway.resources.pool.fetch("SELECT kid, signs_from, signs_until FROM signing_key")
    now = gateway.resources.clock()
    (found,) = [row["kid"] for row in rows if row["signs_from"] <= now < row["signs_until"]]
    return str(found)


async def test_the_next_key_is_published_before_it_signs_and_the_last_one_after(gateway: Front) -> None:
    begin = datetime.now(UTC)
    (first,) = await kids(gateway)

    gateway.at(begin + SIGNS_FOR - timedelta(hours=3))
    await gateway.tick("turn-keys")
    assert await kids(gateway) == [first]

    gateway.at(begin + SIGNS_FOR - timedelta(minutes=90))
    await gateway.tick("turn-keys")
    known = await kids(gateway)
    assert known[0] == first
    assert len(known) == 2
    assert await signer(gateway) == first
    starts = await gateway.resources.pool.fetchval("SELECT max(signs_from) FROM signing_key")
    assert starts - gateway.resources.clock() > PUBLISHED_BEFORE

    gateway.at(begin + SIGNS_FOR + timedelta(minutes=1))
    await gateway.tick("turn-keys")
    assert await kids(gateway) == known
    assert await signer(gateway) == known[1]

    gateway.at(begin + SIGNS_FOR + PUBLISHED_AFTER + timedelta(minutes=2))
    await gateway.tick("turn-keys")
    assert await kids(gateway) == known[1:]


async def _token(gateway: Front, machine: dict[str, Any]) -> str:
    answer = await gateway.client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(machine["id"], machine["client_secret"]),
    )
    return str(answer.json()["access_token"])


async def test_a_token_of_the_last_key_is_good_after_the_turn(gateway: Front) -> None:
    token = await gateway.token("titles:read")
    pool = gateway.resources.pool
    now = gateway.resources.clock()

    await pool.execute("UPDATE signing_key SET signs_until = $1", now)
    await gateway.tick("turn-keys")
    mint: Mint = gateway.app.state.mint
    await mint.keys(fresh=True)
    mint._verified.clear()

    assert len(await kids(gateway)) == 2
    assert (await gateway.whoami(token)).status_code == 200
    assert (await gateway.whoami(await gateway.token("titles:read"))).status_code == 200


async def test_a_key_made_elsewhere_is_found_when_its_token_arrives(gateway: Front, gateway_dsn: str) -> None:
    await gateway.resources.pool.execute("UPDATE signing_key SET signs_until = now()")
    mint: Mint = gateway.app.state.mint
    await mint.keys(fresh=True)

    async with fronting(gateway_dsn) as other:
        token = await other.token("titles:read")
        mint._read_at -= 10

        assert (await gateway.whoami(token)).status_code == 200


async def test_racing_processes_make_one_key(gateway: Front, gateway_dsn: str) -> None:
    async with fronting(gateway_dsn), fronting(gateway_dsn):
        assert len(await kids(gateway)) == 1


async def test_a_process_whose_keys_have_run_out_looks_again(gateway: Front) -> None:
    machine = await gateway.machine("titles:read")
    await gateway.resources.pool.execute("UPDATE signing_key SET signs_until = now()")
    mint: Mint = gateway.app.state.mint
    await mint.keys(fresh=True)

    without = await gateway.client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(machine["id"], machine["client_secret"]),
    )
    await gateway.tick("turn-keys")

    assert without.status_code == 503
    assert await _token(gateway, machine)


async def test_keys_are_sealed_at_rest_and_another_sealing_key_ends_the_start(
    gateway: Front, gateway_dsn: str
) -> None:
    kept = await gateway.resources.pool.fetchval("SELECT sealed FROM signing_key")
    mint: Mint = gateway.app.state.mint
    plain = (await mint.keys())[0].key.as_bytes(encoding="DER", private=True)

    assert plain not in kept
    with pytest.raises(WrongSealingKey, match="GATEWAY_SEALING_KEY"):
        Sealer("another sealing key").open(kept)
    with pytest.raises(WrongSealingKey):
        async with fronting(gateway_dsn, sealing_key="another sealing key"):
            raise AssertionError


async def test_the_operator_stays_out_without_a_key_of_their_own(gateway_dsn: str) -> None:
    async with fronting(gateway_dsn, admin_key=None) as gateway:
        assert (await gateway.get("/v1/clients", headers=bearer(OPERATOR))).status_code == 401


async def test_no_request_fails_while_the_key_turns(gateway_dsn: str) -> None:
    seen: set[str] = set()
    keys: list[str] = []

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        """Verifies as every service does."""
        token = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
        try:
            await verifier.verify(token)
            status = 204
        except Unauthenticated:
            status = 401
        seen.add(jwt_header(token)["kid"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})

    async with (
        listening(service) as behind,
        fronting(gateway_dsn, circulation_url=behind) as gateway,
        listening(gateway.app) as outside,
    ):
        verifier = Verifier("circulation", f"{outside}/.well-known/jwks.json")
        mint: Mint = gateway.app.state.mint
        pool = gateway.resources.pool
        turn = gateway.resources.clock() + timedelta(seconds=1)
        await pool.execute("UPDATE signing_key SET signs_until = $1", turn)
        await gateway.tick("turn-keys")
        keys += await kids(gateway)
        token = await gateway.token("loans:read")
        statuses: set[int] = set()
        async with asyncio.timeout(20):
            while len(seen) < 2:
                mint._inner.clear()  # as if each were somebody else's first
                answers = await asyncio.gather(
                    *(gateway.get("/v1/loans", headers=bearer(token)) for _ in range(8))
                )
                statuses |= {answer.status_code for answer in answers}

    assert statuses == {204}
    assert seen == set(keys)


async def test_keys_in_hand_go_on_while_the_database_is_away(gateway: Front) -> None:
    token = await gateway.token("titles:read")
    mint: Mint = gateway.app.state.mint

    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    mint._pool = type("Away", (), {"fetch": staticmethod(away)})()
    mint._verified.clear()
    mint._read_at = float("-inf")

    assert (await gateway.whoami(token)).status_code == 200
