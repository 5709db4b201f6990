"""A campus for trying: a small identity provider on this machine, at which anybody is whoever they choose to be.

For a newcomer's first sign-in by SAML. It speaks on the loopback alone; its key is made at its start and forgotten at
its end, and the library's document of signing in is put back as it was.
"""

import base64
import contextlib
import signal
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from carrel.client import Client
from chassis.ids import uuid7
from gateway.saml import keys, markup
from gateway.saml.entity import moment
from gateway.saml.markup import written
from gateway.saml.names import BEARER, MFA, NS, REDIRECT, SAML, SAMLP, SUCCESS
from gateway.saml.requests import redirect
from gateway.saml.rules import MessageRefused
from gateway.saml.signatures import Credential, body_of, sign

SCOPE = "campus.example"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a context's name
DESK = "urn:carrel:demo:desk"


@dataclass(frozen=True, slots=True)
class Somebody:
    """One of the people of the campus."""

    name: str
    given: str
    family: str
    affiliation: str
    entitlement: str | None = None

    @property
    def label(self) -> str:
        """As the page shows them."""
        work = ", works at the library's desk" if self.entitlement else ""
        return f"{self.given} {self.family} ({self.affiliation}{work})"


PEOPLE = (
    Somebody("ada", "Ada", "Marsh", "student"),
    Somebody("ben", "Ben", "Okafor", "faculty"),
    Somebody("cleo", "Cleo", "Vance", "staff", DESK),
    Somebody("dan", "Dan", "Ruiz", "alum"),
)


class Campus:
    """The identity provider."""

    def __init__(self, url: str, library: str, *, now: datetime) -> None:
        self.url = url
        self.entity_id = f"{url}/metadata"
        self.acs = f"{library}/saml/acs"
        private, certificate = keys.made("demo campus", now=now)
        self._credential = Credential("demo", private, certificate)

    def metadata(self) -> str:
        """What the library is told of it."""
        return (
            '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
            'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" '
            f'xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" entityID="{self.entity_id}">'
            f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:Extensions>'
            f'<shibmd:Scope regexp="false">{SCOPE}</shibmd:Scope><mdui:UIInfo><mdui:DisplayName xml:lang="en">'
            "Campus for trying</mdui:DisplayName></mdui:UIInfo></md:Extensions>"
            '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
            f"{body_of(self._credential.certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            f'</md:KeyDescriptor><md:SingleLogoutService Binding="{REDIRECT}" Location="{self.url}/out"/>'
            f'<md:SingleSignOnService Binding="{REDIRECT}" Location="{self.url}/in"/>'
            "</md:IDPSSODescriptor></md:EntityDescriptor>"
        )

    def app(self) -> Starlette:
        """Its three pages."""
        return Starlette(
            routes=[
                Route("/in", self._choose, methods=["GET"]),
                Route("/in", self._answer, methods=["POST"]),
                Route("/out", self._leave, methods=["GET"]),
            ]
        )

    async def _choose(self, request: Request) -> Response:
        packed = request.query_params.get("SAMLRequest", "")
        try:
            asked = markup.message(markup.inflated(packed))
        except MessageRefused as error:
            return HTMLResponse(f"This is no request: {escape(str(error))}", 400)
        wanted = asked.findtext("samlp:RequestedAuthnContext/saml:AuthnContextClassRef", None, NS)
        hidden = {
            "to": asked.get("ID", ""),
            "context": MFA if wanted == MFA else PASSWORD,
            "relay": request.query_params.get("RelayState", ""),
        }
        inside = "".join(f'<input type="hidden" name="{n}" value="{escape(v)}">' for n, v in hidden.items())
        choices = "".join(
            f'<p><button name="who" value="{each.name}">{escape(each.label)}</button></p>' for each in PEOPLE
        )
        how = "with two factors" if wanted == MFA else "with a password"
        return _page(
            "Campus for trying", f'<p>Who are you? ({how})</p><form method="post">{inside}{choices}</form>'
        )

    async def _answer(self, request: Request) -> Response:
        told = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        found = [each for each in PEOPLE if each.name == told.get("who")]
        if not found:
            return HTMLResponse("There is nobody of that name.", 400)
        xml = self._response(
            found[0], told.get("to", ""), told.get("context", PASSWORD), now=datetime.now(UTC)
        )
        fields = {"SAMLResponse": base64.b64encode(xml).decode(), "RelayState": told.get("relay", "")}
        inside = "".join(f'<input type="hidden" name="{n}" value="{escape(v)}">' for n, v in fields.items())
        return _page(
            f"You are {found[0].given} {found[0].family}",
            f'<form method="post" action="{escape(self.acs)}">{inside}<button>Go on to the library</button></form>',
        )

    def _response(self, who: Somebody, to: str, context: str, *, now: datetime) -> bytes:
        at, until = moment(now), moment(now + timedelta(minutes=5))
        audience = self.acs.removesuffix("/acs") + "/metadata"
        values = {
            "urn:oasis:names:tc:SAML:attribute:pairwise-id": [f"{who.name}@{SCOPE}"],
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": [f"{who.affiliation}@{SCOPE}"],
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": [who.entitlement] if who.entitlement else [],
            "urn:oid:2.5.4.42": [who.given],
            "urn:oid:2.5.4.4": [who.family],
            "urn:oid:0.9.2342.19200300.100.1.3": [f"{who.name}@{SCOPE}"],
        }
        attributes = "".join(
            f'<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>'
            for name, told in values.items()
            for value in told
        )
        response, assertion = f"_{uuid7().hex}", f"_{uuid7().hex}"
        root = etree.fromstring(
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{response}" Version="2.0" '
            f'IssueInstant="{at}" Destination="{self.acs}" InResponseTo="{escape(to)}">'
            f"<saml:Issuer>{self.entity_id}</saml:Issuer>"
            f'<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status>'
            f'<saml:Assertion ID="{assertion}" Version="2.0" IssueInstant="{at}">'
            f"<saml:Issuer>{self.entity_id}</saml:Issuer><saml:Subject>"
            '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">'
            f'_{who.name}</saml:NameID><saml:SubjectConfirmation Method="{BEARER}">'
            f'<saml:SubjectConfirmationData InResponseTo="{escape(to)}" Recipient="{self.acs}" '
            f'NotOnOrAfter="{until}"/></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}"><saml:AudienceRestriction>'
            f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{at}" SessionIndex="{assertion}"><saml:AuthnContext>'
            f"<saml:AuthnContextClassRef>{escape(context)}</saml:AuthnContextClassRef></saml:AuthnContext>"
            f"</saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement>"
            "</saml:Assertion></samlp:Response>"
        )
        (inside,) = root.iterfind("saml:Assertion", NS)
        sign(inside, self._credential)
        return written(root)

    async def _leave(self, request: Request) -> Response:
        """Answers that somebody is signed out; there are no sessions here."""
        try:
            asked = zlib.decompress(base64.b64decode(request.query_params.get("SAMLRequest", "")), -15)
            message = markup.message(asked)
        except (MessageRefused, ValueError, zlib.error):
            return HTMLResponse("This is no request.", 400)
        url = self.acs.removesuffix("/acs") + "/logout/redirect"
        at, to = moment(datetime.now(UTC)), escape(message.get("ID", ""))
        told = etree.fromstring(
            f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_{uuid7().hex}" Version="2.0" '
            f'IssueInstant="{at}" Destination="{url}" InResponseTo="{to}">'
            f'<saml:Issuer>{self.entity_id}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{SUCCESS}"/>'
            "</samlp:Status></samlp:LogoutResponse>"
        )
        where = redirect(url, "SAMLResponse", written(told), relay_state=None, credential=self._credential)
        return Response(status_code=303, headers={"Location": where})


def _page(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>body{{font:100%/1.5 system-ui;max-width:40rem;margin:2rem auto;"
        "padding:0 1rem}button{font:inherit;width:100%;padding:.7rem;text-align:left}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )


def document(campus: Campus, library: str, groups: list[str]) -> dict[str, Any]:
    """The library's document of signing in, for trying: three kinds of people, and one who works here."""
    group = groups[0]
    by_name = {
        name: next((code for code in groups if name in code), group)
        for name in ("student", "faculty", "staff")
    }
    return {
        "entity": {"url": library, "names": {"en": "Demo Library"}},
        "sources": [{"kind": "file", "name": "demo-campus", "metadata": campus.metadata()}],
        "persons": {
            "groups": [
                {"name": f"{name} of the campus", "affiliation": f"{name}@{SCOPE}", "group": by_name[name]}
                for name in by_name
            ],
            "staff": [{"name": "the desk", "entitlement": DESK, "roles": ["desk"]}],
        },
    }


class CampusRefused(Exception):
    """Why the campus does not open, in one line."""


def library_at(url: str) -> str:
    """The library's address as browsers keep cookies for it: by name, on this machine."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):  # noqa: S104 - asked, not listened at
        raise CampusRefused(
            f"{url} is not on this machine: a campus where anybody is anybody is for trying alone."
        )
    return f"http://localhost:{parts.port or 80}"


@contextlib.contextmanager
def opened(client: Client, port: int) -> Iterator[Campus]:
    """The campus open, and the library trusting it; everything as before at the end."""
    assert client.url is not None
    library = library_at(client.url)
    before = client.get("/v1/configuration/sign-on")
    if before.get("entity") is not None and [each["name"] for each in before["sources"]] != ["demo-campus"]:
        raise CampusRefused("This library signs people in by a campus already: it is left as it is.")
    groups = [each["code"] for each in client.get("/v1/patron-groups")["items"]]
    if not groups:
        raise CampusRefused("There are no patron groups yet: fill the library with `carrel demo` first.")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise CampusRefused(
                f"Port {port} is not free: {error.strerror}. Choose one with --port."
            ) from error
        here = f"http://localhost:{listener.getsockname()[1]}"
        campus = Campus(here, library, now=datetime.now(UTC))
        config = uvicorn.Config(campus.app(), lifespan="off", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        serving.start()
        try:
            client.put("/v1/configuration/sign-on", document(campus, library, groups))
            client.post("/v1/saml/sources:refresh", None)
            yield campus
        finally:
            client.put("/v1/configuration/sign-on", {"entity": None} if before.get("entity") else before)
            server.should_exit = True
            serving.join(5)


def _ended(*_: object) -> None:
    raise KeyboardInterrupt


def run(client: Client, port: int, say: Callable[[str], None]) -> None:
    """Keep the campus open until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _ended)
    with opened(client, port) as campus:
        say(f"The campus is open at {campus.url}, and the library trusts it.")
        say(f"  sign in    {campus.acs.removesuffix('/saml/acs')}/sign-in")
        say("Press Ctrl-C to close it; the library's settings are then as before.")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
