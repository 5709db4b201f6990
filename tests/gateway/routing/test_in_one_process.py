"""In one box a service is an app behind the gateway: who asks travels where no header reaches."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from chassis import tracing
from gateway.routing.table import TABLE, Table
from support.front import OPERATOR, Echo, Front, bearer, fronting

CLAIMS = {
    "X-Carrel-Principal": "staff:root",
    "carrel.principal": "staff:root",
    "Remote-User": "root",
    "X-Forwarded-User": "root",
    "Cookie": "session=root",
}


async def told(gateway: Front, path: str, **headers: str) -> dict[str, Any]:
    answer = await gateway.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_service_learns_who_asks_from_the_gateway_alone(gateway: Front) -> None:
    token = await gateway.token("loans:read")

    nobody = await told(gateway, "/v1/loans", **CLAIMS)
    machine = await told(gateway, "/v1/loans", **CLAIMS, **bearer(token))

    assert nobody["principal"] == "anonymous:-"
    assert machine["principal"].startswith("client:")
    for answer in (nobody, machine):
        names = {name for name, _ in answer["headers"]}
        assert not names & {
            "x-carrel-principal",
            "remote-user",
            "x-forwarded-user",
            "cookie",
            "authorization",
        }


async def test_claims_do_not_help_at_the_gateways_own_doors(gateway: Front) -> None:
    assert (await gateway.get("/v1/clients", headers=CLAIMS)).status_code == 401
    assert (await gateway.get("/v1/whoami", headers=CLAIMS)).json()["kind"] == "anonymous"


async def test_a_refused_token_reaches_no_service(gateway: Front, circulation: Echo) -> None:
    answer = await gateway.get("/v1/loans", headers=bearer("crl_no"))

    assert answer.status_code == 401
    assert circulation.calls == 0


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/loans", "circulation"),
        ("/v1/loans/x/renewals", "circulation"),
        ("/v1/loans:renew", "circulation"),
        ("/v1/titles", "catalog"),
        ("/v1/titles/x", "catalog"),
        ("/v1/titles/x/availability", "circulation"),
        ("/v1/titles/x/y/availability", "catalog"),
        ("/v1/configuration/circulation", "circulation"),
        ("/v1/configuration/catalog", "catalog"),
        ("/v1/configuration", None),
        ("/v1/loansome", None),
        ("/v1", None),
        ("/", "catalog"),
        ("v1/loans", None),
        ("/docs", None),
        ("/v1/changes", None),
        ("/health/live", None),
    ],
)
def test_each_path_has_its_service(path: str, service: str | None) -> None:
    route = Table().find(path)

    assert (route.service if route else None) == service


def test_only_files_of_records_of_patrons_of_articles_and_covers_are_large_bodies() -> None:
    large = {"/".join(route.pattern) for route in TABLE if route.upload}

    assert large == {
        "v1/imports",
        "v1/patron-loads",
        "v1/ill/requests/*/document",
        "v1/packages/*/loads",
        "v1/edifact-interchanges",
        "v1/titles/*/cover",
    }


async def test_a_service_that_is_not_installed_is_away(gateway: Front) -> None:
    answer = await gateway.get("/v1/titles", headers=bearer(OPERATOR))

    assert (answer.status_code, answer.json()["code"]) == (503, "service-away")


async def test_a_path_nobody_answers_is_a_problem(gateway: Front) -> None:
    for path in ("/v1/nothing", "/v1/whoami/", "//v1/whoami"):
        answer = await gateway.client.get(f"http://carrel.test{path}")
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_address_without_end_is_refused(gateway: Front) -> None:
    answer = await gateway.get(f"/v1/loans?q={'x' * 20_000}")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def chunks(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * 1024


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/v1/loans", "application/json"),
        ("/v1/sessions", "application/json"),
        ("/v1/accounts", "application/vnd.x+json"),
        ("/v1/clients", "text/plain"),
        ("/oauth2/token", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_past_the_limit_is_refused(
    gateway_dsn: str, circulation: Echo, path: str, media_type: str, declared: bool
) -> None:
    async with fronting(gateway_dsn, apps={"circulation": circulation}, body_limit=4096) as gateway:
        body = {"content": b"x" * 8192} if declared else {"content": chunks(8)}

        answer = await gateway.client.post(
            path, headers={"Content-Type": media_type, **bearer(OPERATOR)}, **body
        )

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


@pytest.mark.parametrize("length", ["-1", "²", "1e3", "9" * 40, "0x10"])
async def test_a_length_that_is_none_is_refused(gateway: Front, length: str) -> None:
    headers = [(b"Content-Length", length.encode("latin-1"))]

    answer = await gateway.client.post("/v1/loans", content=b"x", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_every_answer_names_its_trace(gateway: Front) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    kept = await gateway.get("/v1/loans", headers={"traceparent": given})
    made = await gateway.get("/v1/nothing", headers={"traceparent": "forged"})

    assert kept.headers["traceparent"] == given
    assert made.headers["traceparent"].startswith("00-")


async def test_a_lost_database_is_a_pause_and_not_a_fault(gateway: Front) -> None:
    async def away(*_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    gateway.app.state.authenticator._pool = type("Away", (), {"fetchrow": staticmethod(away)})()

    answer = await gateway.whoami("crl_" + "0" * 32 + "_x")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


async def test_a_fault_of_a_service_is_told_as_one_and_no_more(gateway_dsn: str) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("with a name in it")

    async with fronting(gateway_dsn, apps={"circulation": broken}) as gateway:
        answer = await gateway.get("/v1/loans")

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "name" not in answer.text


async def test_a_request_is_a_span_of_the_gateways_own_and_what_follows_is_below_it(gateway: Front) -> None:
    spans = InMemorySpanExporter()
    assert tracing.configure("gateway", exporter=spans)
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

    answer = await gateway.get("/v1/loans", headers={"traceparent": f"00-{trace}-{parent}-01"})

    tracing.stop()
    served = next(span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER)
    assert served.context is not None
    assert served.parent is not None
    assert (f"{served.context.trace_id:032x}", f"{served.parent.span_id:016x}") == (trace, parent)
    assert answer.headers["traceparent"].split("-")[1:3] == [trace, f"{served.context.span_id:016x}"]
