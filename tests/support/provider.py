"""An OpenID Connect provider of our own: it tells the truth, or whatever a forger would."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from support.campus import LIBRARY

STUDENT = {
    "eduperson_scoped_affiliation": ["student@campus.test", "member@campus.test"],
    "family_name": "Curie",
    "given_name": "Marie",
    "email": "marie@campus.test",
}
MFA = "https://refeds.org/profile/mfa"


@cache
def key(name: str, kind: str = "EC") -> Any:
    """A key pair of this name, made once for all tests of a process."""
    told: Any = {"kid": name, "use": "sig"}
    if kind == "RSA":
        return RSAKey.generate_key(2048, told)
    return OKPKey.generate_key("Ed25519", told) if kind == "OKP" else ECKey.generate_key("P-256", told)


def encoded(told: Any) -> str:
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: dict[str, Any], by: Any, **header: Any) -> str:
    """A token; the header says what it is told to say."""
    told = {"alg": "ES256", "kid": by.kid, **header}
    payload = json.dumps(claims).encode()
    algorithms = [told["alg"]]
    return jws.serialize_compact({n: v for n, v in told.items() if v is not None}, payload, by, algorithms)


@dataclass
class Asked:
    """A request of ours, as it arrives at the provider."""

    query: dict[str, str]

    @classmethod
    def at(cls, url: str) -> "Asked":
        return cls({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})


@dataclass
class Provider:
    """Answers at its addresses; `codes` are those it has given out and what it says for each."""

    issuer: str = "https://op.campus.test"
    name: str = "campus-op"
    client_id: str = "library"
    secret: str | None = "a secret of the two: with & and é"
    keys: list[Any] = field(default_factory=lambda: [key("first")])
    metadata: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    away: bool = False
    asked_for: list[str] = field(default_factory=list)

    def document(self, **more: Any) -> dict[str, Any]:
        """As the configuration names it."""
        told = {
            "name": self.name,
            "label": "Campus University",
            "issuer": self.issuer,
            "client_id": self.client_id,
            "scopes": ["campus.test"],
            "domains": ["campus.test"],
        }
        return {**told, **more}

    def described(self) -> dict[str, Any]:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/goodbye",
            "authorization_response_iss_parameter_supported": True,
        }
        return {**told, **self.metadata}

    def claims(self, asked: Asked | None = None, **more: Any) -> dict[str, Any]:
        """What an honest ID token says; None takes a claim away."""
        now = int(time.time())
        told = {
            "iss": self.issuer,
            "sub": "marie",
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            **({"nonce": asked.query["nonce"]} if asked else {}),
            **STUDENT,
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}

    def code(self, asked: Asked, token: str | None = None, *, by: Any = None, **more: Any) -> str:
        """A code for a request; by default for a token that tells the truth."""
        made = token or signed(self.claims(asked, **more), by or self.keys[0])
        code = f"code-{len(self.codes)}"
        self.codes[code] = {"asked": asked.query, "id_token": made}
        return code

    def back(self, asked: Asked, code: str | None = None, **more: str | None) -> str:
        """The address that the browser is sent back to."""
        told = {"code": code, "state": asked.query["state"], "iss": self.issuer, **more}
        query = httpx.QueryParams({name: value for name, value in told.items() if value is not None})
        return f"{asked.query['redirect_uri'].removeprefix(LIBRARY)}?{query}"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as `httpx.MockTransport` wants it."""
        self.asked_for.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("away")
        path = request.url.path.removeprefix(urlsplit(self.issuer).path)
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self.described())
        if path == "/jwks":
            return httpx.Response(200, json={"keys": [each.as_dict(private=False) for each in self.keys]})
        if path == "/token":
            return self._token(request)
        if path == "/userinfo" and self.userinfo is not None:
            assert request.headers["authorization"] == "Bearer an-access-token"
            return httpx.Response(200, json=self.userinfo)
        return httpx.Response(404)

    def _token(self, request: httpx.Request) -> httpx.Response:
        told = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        kept = self.codes.pop(told.get("code", ""), None)
        challenge = encoded(hashlib.sha256(told.get("code_verifier", "").encode()).digest())
        if (
            kept is None
            or told.get("redirect_uri") != kept["asked"]["redirect_uri"]
            or challenge != kept["asked"]["code_challenge"]
            or not self._knows(request, told)
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        tokens = {"id_token": kept["id_token"], "access_token": "an-access-token", "token_type": "Bearer"}
        return httpx.Response(200, json=tokens)

    def _knows(self, request: httpx.Request, told: dict[str, str]) -> bool:
        kind, _, told_secret = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = base64.b64decode(told_secret).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (self.client_id, self.secret)
        return (told.get("client_id"), told.get("client_secret")) == (self.client_id, self.secret)
