"""A learning management system of our own: it tells the truth, or whatever a forger would."""

import json
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer
from support.provider import key

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
ROSTER = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
TEACHER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"
STUDENT = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Student"
HTML = {"Accept": "text/html,application/xhtml+xml"}
PERSONS = {
    "groups": [
        {"name": "students", "affiliation": "student@campus.test", "group": "student"},
        {"name": "former members", "affiliation": "alum", "group": None},
    ]
}


def signed(claims: dict[str, Any], by: RSAKey, **header: Any) -> str:
    """A token; the header says what it is told to say."""
    told = {"alg": "RS256", "kid": by.kid, "typ": "JWT", **header}
    kept = {name: value for name, value in told.items() if value is not None}
    return jws.serialize_compact(kept, json.dumps(claims).encode(), by, algorithms=[told["alg"]])


@dataclass
class Lms:
    """Its addresses are at `url`, its pages at its issuer."""

    url: str = "https://lms.test"
    issuer: str = "https://lms.test"
    client_id: str = "library-tool"
    keys: list[RSAKey] = field(default_factory=lambda: [key("lms", "RSA")])
    asked_for: list[str] = field(default_factory=list)
    members: list[list[dict[str, Any]]] = field(default_factory=list)
    """Pages of the roster."""
    configuration: dict[str, Any] = field(default_factory=dict)
    registered: list[dict[str, Any]] = field(default_factory=list)
    deployment: str | None = "dep-1"
    assertions: list[dict[str, str]] = field(default_factory=list)
    away: bool = False

    def document(self, **more: Any) -> dict[str, Any]:
        """As the library registers it."""
        told = {
            "label": "Campus Moodle",
            "issuer": self.issuer,
            "client_id": self.client_id,
            "authorization_url": f"{self.issuer}/auth?site=1",
            "token_url": f"{self.url}/token",
            "jwks_url": f"{self.url}/jwks",
            "deployments": [{"id": "dep-1", "library": "LAW"}, {"id": "dep-2"}],
            "scopes": ["campus.test"],
        }
        return {**told, **more}

    def claims(self, asked_nonce: str, **more: Any) -> dict[str, Any]:
        """What an honest launch says; None takes a claim away."""
        now = int(time.time())
        told = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "marie",
            "nonce": asked_nonce,
            "iat": now,
            "exp": now + 300,
            "given_name": "Marie",
            "family_name": "Curie",
            "email": "marie@campus.test",
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": "dep-1",
            f"{CLAIM}target_link_uri": f"{LIBRARY}/lti/launch",
            f"{CLAIM}resource_link": {"id": "rl-1"},
            f"{CLAIM}roles": [LEARNER, STUDENT],
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}

    def choosing(self, **settings: Any) -> dict[str, Any]:
        """Claims of a request for content instead (Deep Linking 2.0)."""
        told = {
            "deep_link_return_url": f"{self.issuer}/dl/return",
            "accept_types": ["link", "ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": True,
            "data": "opaque-csrf",
            **settings,
        }
        return {
            f"{CLAIM}message_type": "LtiDeepLinkingRequest",
            f"{CLAIM}resource_link": None,
            f"{CLAIM}target_link_uri": None,
            f"{CLAIM}roles": [TEACHER],
            f"{DEEP}deep_linking_settings": {
                name: value for name, value in told.items() if value is not None
            },
        }

    def course(self) -> dict[str, Any]:
        """Claims of a launch out of a course."""
        return {
            f"{CLAIM}context": {"id": "course-1", "label": "HIS101", "title": "History 101"},
            ROSTER: {"context_memberships_url": f"{self.url}/roster", "service_versions": ["2.0"]},
        }

    async def register(self, front: Front, **more: Any) -> dict[str, Any]:
        """Have the library know it."""
        answer = await front.post("/v1/lti/platforms", json=self.document(**more), headers=bearer(OPERATOR))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    @property
    def app(self) -> Starlette:
        """Its addresses."""
        return Starlette(
            routes=[
                Route("/jwks", self._jwks),
                Route("/token", self._token, methods=["POST"]),
                Route("/roster", self._roster),
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/register", self._register, methods=["POST"]),
            ]
        )

    async def _jwks(self, request: Request) -> Response:
        self.asked_for.append("/jwks")
        if self.away:
            return Response(status_code=503)
        return JSONResponse({"keys": [each.as_dict(private=False) for each in self.keys]})

    async def _token(self, request: Request) -> Response:
        fields = parse_qs((await request.body()).decode())
        self.assertions.append({name: values[0] for name, values in fields.items()})
        return JSONResponse({"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600})

    async def _roster(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer a-token" or self.away:
            return Response(status_code=401)
        page = int(request.query_params.get("page", "0"))
        more = page + 1 < len(self.members)
        headers = {"Link": f'<{self.url}/roster?page={page + 1}>; rel="next"'} if more else {}
        return JSONResponse({"id": "x", "members": self.members[page]}, headers=headers)

    async def _configuration(self, request: Request) -> Response:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "registration_endpoint": f"{self.url}/register",
            **self.configuration,
        }
        return JSONResponse(told)

    async def _register(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer let-me-in" or self.away:
            return Response(status_code=401)
        told = await request.json()
        self.registered.append(told)
        tool = {**told["https://purl.imsglobal.org/spec/lti-tool-configuration"]}
        if self.deployment is not None:
            tool["deployment_id"] = self.deployment
        return JSONResponse(
            {**told, "client_id": "made-here", "https://purl.imsglobal.org/spec/lti-tool-configuration": tool}
        )


@dataclass
class Asked:
    """A request of ours, as it arrives at the platform."""

    state: str
    nonce: str
    query: dict[str, str]


@dataclass
class Browser:
    """Somebody's browser, in which the library stands in a frame."""

    front: Front
    keeps_cookies: bool = True
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(app=self.front.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=LIBRARY, headers=HTML)

    async def begin(self, lms: Lms, **more: Any) -> tuple[Asked, httpx.Response]:
        """The platform sends the browser here, and it comes back with our request."""
        told = {
            "iss": lms.issuer,
            "client_id": lms.client_id,
            "login_hint": "hint-1",
            "lti_message_hint": "message-1",
            "target_link_uri": f"{LIBRARY}/lti/launch",
            **more,
        }
        fields = {name: value for name, value in told.items() if value is not None}
        answer = await self.client.post("/lti/login", data=fields)
        if not self.keeps_cookies:
            self.client.cookies.clear()
        where = answer.headers.get("location") or between(answer.text, 'href="', '"')
        query = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
        return Asked(query.get("state", ""), query.get("nonce", ""), query), answer

    async def end(self, lms: Lms, asked: Asked, token: str | None = None, **more: Any) -> httpx.Response:
        """The platform answers, by default with the truth."""
        told = token or signed(lms.claims(asked.nonce, **more), lms.keys[0])
        return await self.client.post("/lti/launch", data={"id_token": told, "state": asked.state})

    async def launch(self, lms: Lms, **more: Any) -> httpx.Response:
        """The whole way."""
        asked, _ = await self.begin(lms)
        return await self.end(lms, asked, **more)

    async def press(self, page: httpx.Response, where: str, **fields: str) -> httpx.Response:
        """Send the form of a page that goes there, with some fields filled in; fields come from the page alone."""
        form = next(each for each in forms(page.text) if each[0] == where)
        return await self.client.post(where, data={**form[1], **fields})


def between(text: str, before: str, after: str) -> str:
    """What stands between."""
    return text.partition(before)[2].partition(after)[0].replace("&amp;", "&")


def forms(html: str) -> list[tuple[str, dict[str, str]]]:
    """Each form of a page: where it goes, and its hidden fields."""
    found = []
    for part in html.split("<form")[1:]:
        body = part.partition("</form>")[0]
        hidden = {
            unescape(between(each, 'name="', '"')): unescape(between(each, 'value="', '"'))
            for each in body.split("<input")[1:]
            if 'type="hidden"' in each
        }
        found.append((unescape(between(body, 'action="', '"')), hidden))
    return found


def other_key() -> RSAKey:
    """A key that nobody publishes, under the name of one that is."""
    return RSAKey.import_key(key("forger", "RSA").as_dict(private=True), {"kid": "lms"})
