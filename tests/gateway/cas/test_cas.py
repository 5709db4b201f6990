"""Signing in by a CAS server: tickets, proxies, and what is not believed (CAS protocol 3.0)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import httpx
import pytest

from gateway.cas.rules import Told, refusals, ticket_refusals
from gateway.signon.rules import Why
from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer

URL = "https://cas.campus.test/cas"
PROXY = "https://portal.campus.test/proxy"


@pytest.mark.parametrize(
    ("ticket", "proxies", "against"),
    [
        ("ST-1", (), []),
        ("PT-1", (), [Why.PROXIED]),
        ("PT-1", (PROXY,), []),
        ("", (), [Why.TICKET]),
        ("TGT-1", (), [Why.TICKET]),
        ("ST-1 2", (), [Why.TICKET]),
        ("ST-\u00e9", (), [Why.TICKET]),
        ("ST-" + "x" * 3000, (), [Why.TICKET]),
    ],
)
def test_only_a_service_ticket_is_shown_to_the_server(
    ticket: str, proxies: tuple[str, ...], against: list[Why]
) -> None:
    assert ticket_refusals(ticket, proxies) == against


@pytest.mark.parametrize(
    ("told", "proxies", "against"),
    [
        (Told("marie"), (), []),
        (Told("marie", proxies=(PROXY,)), (PROXY,), []),
        (Told("marie", proxies=(PROXY,)), (), [Why.PROXIED]),
        (Told("marie", proxies=(PROXY, "https://evil.test")), (PROXY,), [Why.PROXIED]),
        (Told(None, failure="INVALID_SERVICE"), (), [Why.TICKET]),
        (Told(""), (), [Why.SUBJECT]),
        (Told("x" * 256), (), [Why.SUBJECT]),
        (Told(" marie"), (), [Why.SUBJECT]),
    ],
)
def test_every_proxy_of_the_chain_must_be_allowed(
    told: Told, proxies: tuple[str, ...], against: list[Why]
) -> None:
    assert refusals(told, proxies) == against


class Server:
    """A CAS server: tickets are for one service, and good once."""

    def __init__(self) -> None:
        self.tickets: dict[str, tuple[str, str]] = {}
        self.asked: list[httpx.URL] = []

    def ticket(self, service: str, inside: str | None = None, **attributes: str) -> str:
        ticket = f"ST-{len(self.tickets)}"
        told = {"eduPersonScopedAffiliation": "student@campus.test", **attributes}
        values = "".join(f"<cas:{name}>{escape(value)}</cas:{name}>" for name, value in told.items())
        good = f"<cas:user>marie</cas:user><cas:attributes>{values}</cas:attributes>"
        self.tickets[ticket] = (
            service,
            inside or f"<cas:authenticationSuccess>{good}</cas:authenticationSuccess>",
        )
        return ticket

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        service, inside = self.tickets.pop(request.url.params["ticket"], (None, ""))
        if request.url.path != "/cas/p3/serviceValidate" or service != request.url.params["service"]:
            inside = '<cas:authenticationFailure code="INVALID_SERVICE">no</cas:authenticationFailure>'
        body = f'<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">{inside}</cas:serviceResponse>'
        return httpx.Response(200, text=body)


@pytest.fixture
def cas() -> Server:
    return Server()


@pytest.fixture
async def browser(gateway: Front, cas: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser before a library that trusts the server."""
    told: dict[str, Any] = {
        "entity": {"url": LIBRARY},
        "cas": [{"name": "campus", "label": "Campus", "url": URL, "scopes": ["campus.test"]}],
        "persons": {
            "register_patrons": False,
            "groups": [{"name": "students", "affiliation": "student@campus.test", "group": "student"}],
            "staff": [{"name": "the desk", "entitlement": "urn:desk", "roles": ["desk"]}],
        },
    }
    answer = await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text
    transport = httpx.ASGITransport(app=gateway.app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(cas)) as http,
        httpx.AsyncClient(transport=transport, base_url=LIBRARY) as client,
    ):
        gateway.app.state.cas = type(gateway.app.state.cas)(
            gateway.resources.pool, gateway.app.state.cas.sealer, http
        )
        yield client


async def begun(browser: httpx.AsyncClient, **query: str) -> str:
    """The service that a ticket is wanted for."""
    answer = await browser.get("/cas/login", params={"provider": "campus", **query})
    assert answer.headers["location"].startswith(f"{URL}/login?")
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told.get("renew") == (["true"] if query.get("mfa") else None)
    return told["service"][0]


async def came_back(browser: httpx.AsyncClient, service: str, ticket: str) -> str:
    """What became of it: where it leads, or why not."""
    answer = await browser.get(service.removeprefix(LIBRARY), params={"ticket": ticket})
    if answer.status_code == 303:
        return str(answer.headers["location"])
    return "; ".join(each["code"] for each in answer.json()["reasons"])


async def test_a_student_signs_in_and_the_server_signs_them_out(
    browser: httpx.AsyncClient, cas: Server
) -> None:
    service = await begun(browser, target="/here")
    ticket = cas.ticket(service)
    assert await came_back(browser, service, ticket) == "/here"
    session = (await browser.get("/v1/session")).json()
    assert (session["roles"], session["identity_provider"]) == (["patron"], URL)

    def logout(name: str) -> str:
        return (
            '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="x" Version="2.0">'
            f"<samlp:SessionIndex>{name}</samlp:SessionIndex></samlp:LogoutRequest>"
        )

    path = service.removeprefix(LIBRARY)
    left = []
    for told in (logout("ST-unknown"), "<x/>", "", logout(ticket)):
        assert (await browser.post(path, data={"logoutRequest": told})).status_code == 200
        left.append((await browser.get("/v1/session")).status_code)
    assert left == [200, 200, 200, 404]


async def test_whoever_signs_out_here_does_so_there(browser: httpx.AsyncClient, cas: Server) -> None:
    service = await begun(browser)
    await came_back(browser, service, cas.ticket(service))
    page = await browser.get("/sign-in")
    proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
    answer = await browser.post("/sign-out", data={"proof": proof})

    assert answer.headers["location"] == f"{URL}/logout?service=https%3A%2F%2Flibrary.test%2Fsign-in"


async def test_two_factors_are_what_the_server_says(browser: httpx.AsyncClient, cas: Server) -> None:
    clerk = {"eduPersonEntitlement": "urn:desk", "authenticationDate": "2020-01-01T09:00:00Z"}
    mfa = {"authnContextClass": "https://refeds.org/profile/mfa"}
    service = await begun(browser, mfa="true")
    one = await came_back(browser, service, cas.ticket(service, **clerk))
    service = await begun(browser, mfa="true")
    await came_back(browser, service, cas.ticket(service, **clerk, **mfa))
    long_ago = (await browser.get("/v1/session")).json()["roles"]

    assert one == "authentication-context-other"
    assert long_ago == ["patron"]  # years ago is not within twelve hours
    assert all(url.params["renew"] == "true" for url in cas.asked)


async def test_no_other_ticket_begins_a_session(browser: httpx.AsyncClient, cas: Server) -> None:
    """T10, and answers that no server gives."""
    success = "<cas:authenticationSuccess><cas:user>{}</cas:user>{}</cas:authenticationSuccess>"
    chain = f"<cas:proxies><cas:proxy>{PROXY}</cas:proxy></cas:proxies>"
    stories = {
        "of another service": ("https://other.test/cas", None),
        "through a proxy": (None, success.format("marie", chain)),
        "with a comment in the name": (None, success.format("admin<!-- -->.evil", "")),
        "with two names": (None, success.format("marie</cas:user><cas:user>admin", "")),
        "with another's scope": (
            None,
            success.format(
                "marie",
                "<cas:attributes><cas:eduPersonPrincipalName>m@evil.test</cas:eduPersonPrincipalName>"
                "</cas:attributes>",
            ),
        ),
        "no answer of CAS": (None, "<x/>"),
    }
    told = {}
    for story, (other, inside) in stories.items():
        service = await begun(browser)
        told[story] = await came_back(browser, service, cas.ticket(other or service, inside))
    service = await begun(browser)
    told["a proxy's own"] = await came_back(browser, service, "PT-1")
    used = await begun(browser)
    await came_back(browser, used, "ST-none")
    told["for a request that was answered"] = await came_back(browser, used, cas.ticket(used))

    assert told == {
        "of another service": "ticket-refused",
        "through a proxy": "proxied",
        "with a comment in the name": "unreadable",
        "with two names": "unreadable",
        "with another's scope": "scope-foreign",
        "no answer of CAS": "unreadable",
        "a proxy's own": "proxied",
        "for a request that was answered": "request-used",
    }
    assert (await browser.get("/v1/session")).status_code == 404
