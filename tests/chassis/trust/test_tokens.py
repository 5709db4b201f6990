"""A token of the hop inside is taken for what it says, or not at all; the gateway is asked as seldom as can be."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis import tokens
from chassis.principal import Principal
from chassis.problems import Unauthenticated, Unavailable
from chassis.tokens import ISSUER, Verifier
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.box import until
from support.harness import Harness, running

LIBRARIAN = Principal(
    "staff",
    "0192",
    frozenset({"loans:create", "loans:read"}),
    libraries=frozenset({"MAIN"}),
    service_point_id=UUID(int=7),
    on_behalf_of="staff:0001",
)


class Gateway:
    """Publishes keys, and counts who asks."""

    def __init__(self) -> None:
        self.keys = [OKPKey.generate_key("Ed25519", {"kid": "one", "use": "sig"})]
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None
        gateway = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked += 1
                public = {"keys": [key.as_dict(private=False) for key in gateway.keys]}
                self.send_response(gateway.status)
                self.end_headers()
                self.wfile.write(json.dumps(public).encode() if gateway.body is None else gateway.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def rotate(self) -> None:
        """A new key signs; the old one is still published."""
        self.keys.insert(0, OKPKey.generate_key("Ed25519", {"kid": f"key-{len(self.keys)}", "use": "sig"}))

    def token(self, who: Principal = LIBRARIAN, *, key: OKPKey | None = None, **changed: Any) -> str:
        """A token for `tiny`, with claims (and `head_…` fields) changed."""
        signing = key or self.keys[0]
        now = int(time.time())
        head = {"alg": "Ed25519", "kid": signing.kid}
        head |= {name[5:]: value for name, value in changed.items() if name.startswith("head_")}
        claims = {"iss": ISSUER, "aud": "tiny", "iat": now, "exp": now + 120, **who.as_claims()}
        claims |= {name: value for name, value in changed.items() if not name.startswith("head_")}
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            signing,
            algorithms=["Ed25519"],
        )


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """One on this machine."""
    started = Gateway()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def verifier(gateway: Gateway) -> Verifier:
    """A service's own."""
    return Verifier("tiny", gateway.url)


def part(told: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


async def test_a_token_tells_whom_it_names(gateway: Gateway, verifier: Verifier) -> None:
    assert await verifier.verify(gateway.token()) == LIBRARIAN


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "circulation"},
        {"aud": ["circulation", "catalog"]},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"sub": None},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"key": OKPKey.generate_key("Ed25519", {"kid": "one"})},
        {"key": OKPKey.generate_key("Ed25519", {"kid": "unheard-of"})},
    ],
    ids=[
        "for another service",
        "for others",
        "for nobody",
        "from somebody else",
        "from nobody",
        "about nobody",
        "expired",
        "without an end",
        "with an odd end",
        "not yet valid",
        "minted in the future",
        "signed with another key of our key's name",
        "signed with a key nobody published",
    ],
)
async def test_a_token_that_is_not_for_us_now_is_refused(
    gateway: Gateway, verifier: Verifier, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(gateway.token(**changed))


def forged(gateway: Gateway, head: dict[str, object], secret: bytes | None = None) -> str:
    claims = {"iss": ISSUER, "aud": "tiny", "sub": "staff:x", "scope": "*", "exp": int(time.time()) + 100}
    signed = f"{part(head)}.{part(claims)}"
    mark = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


async def test_no_signature_is_no_signature(gateway: Gateway, verifier: Verifier) -> None:
    for name in ("none", "None", "NONE", ""):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged(gateway, {"alg": name, "kid": "one"}))


async def test_the_public_key_is_no_shared_secret(gateway: Gateway, verifier: Verifier) -> None:
    public = gateway.keys[0]
    secrets = [
        base64.urlsafe_b64decode(str(public.as_dict(private=False)["x"]) + "=="),
        str(public.as_dict(private=False)["x"]).encode(),
        public.as_pem(private=False),
        json.dumps(public.as_dict(private=False)).encode(),
    ]

    for secret in secrets:
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged(gateway, {"alg": "HS256", "kid": "one"}, secret))


@pytest.mark.parametrize(
    "odd",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "x" * 5000,
        "é.é.é",
        f"{part([])}.{part({})}.",
        f"{part({'kid': {}})}.x.y",
        "\0.\0.\0",
    ],
)
async def test_what_is_no_token_is_refused(verifier: Verifier, odd: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(odd)


async def test_a_changed_token_is_refused_though_its_original_is_known(
    gateway: Gateway, verifier: Verifier
) -> None:
    token = gateway.token()
    await verifier.verify(token)
    head, _, mark = token.split(".")
    claims = {"iss": ISSUER, "aud": "tiny", "sub": "staff:x", "scope": "*", "exp": int(time.time()) + 100}

    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{part(claims)}.{mark}")


async def test_a_known_token_is_taken_until_it_expires_and_no_longer(
    gateway: Gateway, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = gateway.token()
    first = await verifier.verify(token)
    gateway.keys = []
    again = await verifier.verify(token)
    later = time.time() + 200
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
    assert again is first
    assert token not in verifier._known


async def test_what_is_remembered_has_a_bound(
    gateway: Gateway, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHE_SIZE", 3)

    for number in range(5):
        await verifier.verify(gateway.token(Principal("staff", str(number))))

    assert len(verifier._known) == 3


async def test_a_new_key_is_taken_at_its_first_token_and_the_old_one_stays(
    gateway: Gateway, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = gateway.token()
    await verifier.verify(old)
    gateway.rotate()
    monkeypatch.setattr(tokens, "UNKNOWN_KEY_PAUSE", 0.0)

    assert await verifier.verify(gateway.token(Principal("staff", "new"))) == Principal("staff", "new")
    assert await verifier.verify(gateway.token(Principal("staff", "old"), key=gateway.keys[1]))
    assert gateway.asked == 2


async def test_the_gateway_is_asked_once_however_many_come_at_once(
    gateway: Gateway, verifier: Verifier
) -> None:
    await asyncio.gather(*(verifier.verify(gateway.token(Principal("staff", str(n)))) for n in range(30)))

    assert gateway.asked == 1


async def test_unheard_of_keys_do_not_have_the_gateway_asked_each_time(
    gateway: Gateway, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(gateway.token())
    verifier._asked_at -= tokens.UNKNOWN_KEY_PAUSE + 1
    stranger = [OKPKey.generate_key("Ed25519", {"kid": f"stranger-{number}"}) for number in range(10)]

    told = await asyncio.gather(
        *(verifier.verify(gateway.token(key=key)) for key in stranger), return_exceptions=True
    )

    assert {type(one) for one in told} == {Unauthenticated}
    assert gateway.asked == 2


@pytest.mark.parametrize(("status", "body"), [(500, None), (200, b"<html>"), (200, b"[]"), (200, b"{}")])
async def test_a_gateway_in_trouble_leaves_known_keys_good_and_is_not_asked_by_everybody(
    gateway: Gateway, verifier: Verifier, status: int, body: bytes | None
) -> None:
    await verifier.verify(gateway.token())
    gateway.status, gateway.body = status, body
    verifier._fetched_at -= tokens.REFRESH_SECONDS + 1
    verifier._asked_at -= tokens.REFRESH_SECONDS + 1

    for number in range(5):
        assert await verifier.verify(gateway.token(Principal("staff", str(number))))
        with pytest.raises(Unauthenticated):
            await verifier.verify(gateway.token(key=OKPKey.generate_key("Ed25519", {"kid": f"s{number}"})))
    assert gateway.asked == 2


async def test_before_the_first_keys_came_nobody_is_taken_and_nobody_refused(
    gateway: Gateway, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "FIRST_KEYS_SECONDS", 0.4)
    gateway.status = 503

    for outcome in await asyncio.gather(
        *(verifier.verify(gateway.token()) for _ in range(20)), return_exceptions=True
    ):
        assert isinstance(outcome, Unavailable)
    assert 1 <= gateway.asked <= 2  # one asks for all


async def test_whoever_comes_before_the_gateway_is_up_waits_for_it(
    gateway: Gateway, verifier: Verifier
) -> None:
    gateway.status = 503
    early = [asyncio.create_task(verifier.verify(gateway.token())) for _ in range(3)]
    await until(lambda: asyncio.sleep(0, gateway.asked))
    gateway.status = 200

    # A moment after the gateway could not tell its keys it can, and it has a request to pass on.
    assert await verifier.verify(gateway.token(Principal("staff", "1")))
    assert await asyncio.gather(*early) == [LIBRARIAN] * 3
    assert gateway.asked == 2


@pytest.fixture
async def guarded(
    gateway: Gateway, tiny_dsn: str, bus: MemoryTransport, tiny_events: None
) -> AsyncIterator[Harness]:
    """The service as it runs by itself, behind a gateway."""
    given = {"jwks_url": gateway.url}
    async with running(smallest.SERVICE, tiny_dsn, transport=bus, settings=given) as harness:
        harness.principal = None
        yield harness


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer {}", 201),
        ("bearer   {} ", 201),
        ("Basic {}", 401),
        ("{}", 401),
        ("Bearer {}x", 401),
        ("Bearer nonsense", 401),
    ],
)
async def test_the_service_takes_bearers_of_good_tokens(
    guarded: Harness, gateway: Gateway, authorization: str, status: int
) -> None:
    answer = await guarded.post(
        "/v1/things",
        json={"name": "a"},
        headers={"Authorization": authorization.format(gateway.token())},
    )

    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "unauthenticated"
    else:
        assert [told.actor for told in await guarded.envelopes()] == ["staff:0192"]


async def test_no_header_makes_a_principal(guarded: Harness) -> None:
    answer = await guarded.get(
        "/v1/changes", headers={"carrel.principal": "staff:x", "X-Principal": "staff:x"}
    )

    assert answer.status_code == 401


def test_a_principal_survives_its_claims() -> None:
    for who in (
        LIBRARIAN,
        Principal("patron", "p", patron_id=UUID(int=1)),
        Principal("client", "c", libraries=frozenset()),
    ):
        assert Principal.from_claims(json.loads(json.dumps(who.as_claims()))) == who
