"""T22: every operation of the document, asked by whoever lacks what it names, or is not whose it is: no 2xx."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chassis.principal import Principal
from gateway.consents.rules import PARTS, REACH, WHOLE
from gateway.roles.rules import SCOPES
from gateway.tokens.minting import Mint
from support.front import Front, bearer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
PATHS: dict[str, dict[str, Any]] = json.loads(DOCUMENT.read_text())["paths"]
NO_ONE = "01890000-0000-7000-8000-00000000dead"
SHUT = (401, 403)


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Name, method, path as the document has it, and the operation."""
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path, operation


def wanted(operation: dict[str, Any]) -> set[str]:
    """The scopes of which an operation names one."""
    return {scope for each in operation.get("security", ()) for scope in each.get("bearer", ())}


async def ask(front: Front, method: str, path: str, operation: dict[str, Any], token: str) -> httpx.Response:
    """An empty request that carries whatever else an operation wants."""
    media = next(iter(operation.get("requestBody", {}).get("content", {})), None)
    content = b"{}" if media and "json" in media else b""
    kind = {} if media is None else {"Content-Type": media}
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"1"', **kind, **bearer(token)}
    return await front.client.request(method, path, headers=headers, content=content)


async def token_of(front: Front, principal: Principal, *, now: datetime | None = None) -> str:
    mint: Mint = front.app.state.mint
    return (await mint.access_token(principal, now=now or datetime.now(UTC)))[0]


async def test_t22_everything_but_the_scope_that_an_operation_names_opens_it_to_nobody(whole: Front) -> None:
    opened, counted = [], 0
    for name, method, path, operation in operations():
        if not (named := wanted(operation)):
            continue
        assert named <= SCOPES, name
        counted += 1
        asker = Principal("client", str(uuid4()), SCOPES - named)
        answer = await ask(
            whole, method, re.sub(r"{[^}]*}", NO_ONE, path), operation, await token_of(whole, asker)
        )
        if answer.status_code not in SHUT:
            opened.append((name, answer.status_code))

    assert opened == []
    assert counted > 250


A, B = UUID("01890000-0000-7000-8000-00000000000a"), UUID("01890000-0000-7000-8000-00000000000b")
THINGS = {
    "patron_id": str(A),
    "loan_id": "01890000-0000-7000-8000-0000000000a1",
    "hold_id": "01890000-0000-7000-8000-0000000000a2",
    "fee_id": "01890000-0000-7000-8000-0000000000a3",
}
"""What is A's, by the name that the document gives its id."""
MADE = """
INSERT INTO patron (id, barcode, external_id, group_code, family_name, created_at)
SELECT id, 'M' || n, 'X' || n, 'student', 'Canary', now()
FROM (VALUES ('{A}'::uuid, 1), ('{B}'::uuid, 2)) AS told (id, n);
INSERT INTO item (id, barcode, holdings_id, title_ids, location_id, library, material_type, loan_type, base,
    short_title, state, loan_id, due_at, last_seen_at)
VALUES ('{T}', 'I1', gen_random_uuid(), ARRAY['{T}'::uuid], gen_random_uuid(), 'MAIN', 'BOOK', 'standard', 'active',
    'A title', 'on-loan', '{loan_id}', now() + interval '9 days', now());
INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone, policy,
    fine_policy)
SELECT '{loan_id}', '{T}', '{T}', '{A}', 'student', id, now() - interval '9 days', now() + interval '9 days', 'UTC',
    'four-weeks', 'daily' FROM service_point ORDER BY code LIMIT 1;
INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, position, policy, placed_at)
SELECT '{hold_id}', 'hold', 'title', gen_random_uuid(), '{A}', id, 'waiting', 1, 'usual', now()
FROM service_point ORDER BY code LIMIT 1;
INSERT INTO fee (id, patron_id, loan_id, item_id, kind, amount, remaining, currency, state, charged_at)
VALUES ('{fee_id}', '{A}', '{loan_id}', '{T}', 'overdue', 20, 20, 'EUR', 'open', now());
UPDATE patron SET open_loans = 1, owed = 20 WHERE id = '{A}';
"""


@pytest.fixture
async def lent(whole: Front) -> Front:
    """A library in which A has a loan, a hold and a fee; B has nothing."""
    pool = whole.app.state.apps["circulation"].state.resources.pool
    await pool.execute(MADE.format(A=A, B=B, T=NO_ONE, **THINGS))
    await whole.resources.pool.execute("UPDATE signing_key SET signs_from = signs_from - interval '2 days'")
    await whole.app.state.mint.keys(fresh=True)
    return whole


def of_patrons() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """The operations whose address names something of a patron's."""
    for name, method, path, operation in operations():
        if any("{" + thing + "}" in path for thing in THINGS):
            yield name, method, path, operation


def filled(path: str, things: dict[str, str]) -> str:
    return re.sub(r"{([^}]*)}", lambda found: things.get(found[1], NO_ONE), path)


def told(answer: httpx.Response) -> Any:
    return answer.status_code, answer.json() if answer.content else None


async def test_t22_nobody_reads_or_changes_what_is_anothers(lent: Front) -> None:
    askers = {
        "a stranger": "",
        "a forged token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzdGFmZjpyb290In0.",
        "A, yesterday": await token_of(lent, _patron(A), now=datetime.now(UTC) - timedelta(days=1)),
        "B": await token_of(lent, _patron(B)),
        "B's app": await token_of(lent, _patron(B, PARTS, by="client:app")),
        "an app that A allowed nothing": await token_of(lent, _patron(A, frozenset({"titles:read"}))),
        "a machine": await token_of(lent, Principal("client", str(uuid4()), frozenset({"titles:read"}))),
        "a machine that owns nothing": await token_of(
            lent, Principal("client", str(uuid4()), PARTS | {WHOLE})
        ),
    }
    opened, counted = [], 0
    for name, method, path, operation in of_patrons():
        for who, token in askers.items():
            answer = await ask(lent, method, filled(path, THINGS), operation, token)
            counted += 1
            if answer.status_code < 400 or "Canary" in answer.text:
                opened.append((who, name, answer.status_code))

    assert opened == []
    assert counted > 300


async def test_t23_what_is_anothers_reads_as_what_is_nobodys(lent: Front) -> None:
    token = await token_of(lent, _patron(B))
    differing = []
    for name, method, path, operation in of_patrons():
        if method != "GET":
            continue
        theirs = await ask(lent, method, filled(path, THINGS), operation, token)
        nobodys = await ask(lent, method, filled(path, {}), operation, token)
        if told(theirs) != told(nobodys):
            differing.append(name)

    assert differing == []


async def test_whose_it_is_reads_it_and_an_app_reads_what_it_was_allowed(lent: Front) -> None:
    own, reads = {}, {}
    for name, method, path, operation in of_patrons():
        if method == "GET" and not wanted(operation):
            place = filled(path, THINGS)
            whole = await ask(lent, method, place, operation, await token_of(lent, _patron(A)))
            part = await ask(
                lent,
                method,
                place,
                operation,
                await token_of(lent, _patron(A, frozenset({"account:read"}), by="client:app")),
            )
            own[name], reads[name] = whole.status_code, part.status_code

    assert {name for name, status in own.items() if status != 200} == set()
    assert {name for name, status in reads.items() if status == 200} == {
        "circulation-get-account",
        "circulation-get-loan",
        "circulation-get-hold",
        "circulation-get-fee",
    }
    assert {status for status in reads.values() if status != 200} <= {403, 404}


def test_a_part_of_an_account_opens_operations_that_there_are() -> None:
    known = {(method, re.sub(r"{[^}]*}", "*", path)) for _, method, path, _ in operations()}

    assert {each for opened in REACH.values() for each in opened} <= known


def _patron(patron: UUID, scopes: frozenset[str] = frozenset({WHOLE}), by: str | None = None) -> Principal:
    own = patron if scopes & (PARTS | {WHOLE}) else None
    return Principal("patron", f"person-{patron}", scopes, patron_id=own, on_behalf_of=by)
