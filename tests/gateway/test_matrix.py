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
READ: dict[str, Any] = json.loads(DOCUMENT.read_text())
PATHS: dict[str, dict[str, Any]] = READ["paths"]
SCHEMAS: dict[str, dict[str, Any]] = READ["components"]["schemas"]
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


SAID: dict[str, dict[str, Any]] = {
    "circulation-close-drawer": {"counted": 0},
    "circulation-print-new-slips": {"kind": "pick"},
    "circulation-shelve": {"item_barcode": "I1"},
    "circulation-change-hold": {"pickup_id": "01890000-0000-7000-8000-00000000dead"},
    "circulation-move-appointment": {"starts_at": "2100-03-01T09:00:00+00:00"},
    "circulation-share-account": {"shared": True},
    "circulation-suspend-hold": {"until": "2100-03-01T09:00:00+00:00"},
    "ill-act-on-request": {"action": "cancel"},
    "ill-change-request": {"note": "Canary"},
}
"""What an operation wants to be told before it looks whose thing it is."""


async def ask(
    front: Front,
    method: str,
    path: str,
    operation: dict[str, Any],
    token: str,
) -> httpx.Response:
    """The least that an operation wants."""
    media = next(iter(operation.get("requestBody", {}).get("content", {})), None)
    said = SAID.get(operation["operationId"], {})
    content = json.dumps(said).encode() if media and "json" in media else b""
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


NOBODYS = "01890000-0000-7000-8000-0000000000c0"
"""What belongs to neither of them: an item, somebody third, a program."""
A, B = UUID("01890000-0000-7000-8000-00000000000a"), UUID("01890000-0000-7000-8000-00000000000b")
THINGS = {
    "patron_id": str(A),
    "loan_id": "01890000-0000-7000-8000-0000000000a1",
    "hold_id": "01890000-0000-7000-8000-0000000000a2",
    "fee_id": "01890000-0000-7000-8000-0000000000a3",
    "appointment_id": "01890000-0000-7000-8000-0000000000a4",
    "relation_id": "01890000-0000-7000-8000-0000000000a5",
    "request_id": "01890000-0000-7000-8000-0000000000a6",
    "consent_id": "01890000-0000-7000-8000-0000000000a7",
    "passkey_id": "01890000-0000-7000-8000-0000000000a8",
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
INSERT INTO pickup_appointment (id, service_point_id, patron_id, starts_at, ends_at, missed_at, place, state, booked_at)
SELECT '{appointment_id}', id, '{A}', now() + interval '1 day', now() + interval '2 days', now() + interval '3 days', 1,
    'booked', now() FROM service_point ORDER BY code LIMIT 1;
INSERT INTO patron (id, barcode, external_id, group_code, family_name, created_at)
VALUES ('{T}', 'M3', 'X3', 'student', 'Canary', now());
INSERT INTO patron_proxy (id, sponsor_id, proxy_id, created_at, created_by)
VALUES ('{relation_id}', '{A}', '{T}', now(), 'staff');
INSERT INTO patron_guarantee (id, ward_id, guarantor_id, kind, created_at, created_by)
VALUES ('{relation_id}', '{A}', '{T}', 'parent', now(), 'staff');
"""
ASKED_ELSEWHERE = """
INSERT INTO request (id, number, side, state, service, citation, likeness, patron_ref, offer, holding, document_id,
    created_at, created_by, changed_at)
VALUES ('{request_id}', 'ILL-1', 'borrowing', 'delivered', 'copy', '{{"title": "Canary"}}', 'x', '{A}', '{{}}', '{{}}',
    '{T}', now(), 'staff', now());
INSERT INTO document (id, request_id, content, size, sha256, stored_at, stored_by, expires_at, downloads_left)
VALUES ('{T}', '{request_id}', 'Canary', 6, 'x', now(), 'staff', now() + interval '9 days', 5);
"""
OF_THE_PERSON = """
INSERT INTO person (id, key_kind, key_value, entity_id, patron_id, registered_at, signed_in_at)
VALUES ('{A}', 'k', 'v', 'e', '{A}', now(), now());
INSERT INTO client (id, kind, name, secret_hash, scopes, created_at, created_by)
VALUES ('{T}', 'oauth2', 'An app', 'x', ARRAY['account:read'], now(), 'staff');
INSERT INTO consent (id, person_id, client_id, scopes, given_at)
VALUES ('{consent_id}', '{A}', '{T}', ARRAY['account:read'], now());
INSERT INTO account (id, username, password_hash, roles, patron_id, created_at)
VALUES ('{A}', 'a', 'x', ARRAY[]::text[], '{A}', now());
INSERT INTO passkey (credential_id, id, account_id, name, public_key, sign_count, made_at)
VALUES ('x', '{passkey_id}', '{A}', 'Canary', 'x', 0, now());
"""
MADE_IN = {"circulation": MADE, "ill": ASKED_ELSEWHERE}


@pytest.fixture
async def lent(whole: Front) -> Front:
    """A library in which A has one of everything; B has nothing."""
    for service, made in MADE_IN.items():
        pool = whole.app.state.apps[service].state.resources.pool
        await pool.execute(made.format(A=A, B=B, T=NOBODYS, **THINGS))
    await whole.resources.pool.execute(OF_THE_PERSON.format(A=A, B=B, T=NOBODYS, **THINGS))
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
    differing, by_its_words = [], {}
    for name, method, path, operation in of_patrons():
        theirs = await ask(lent, method, filled(path, THINGS), operation, token)
        nobodys = await ask(lent, method, filled(path, {}), operation, token)
        if told(theirs) != told(nobodys):
            differing.append(name)
        if not wanted(operation) and "{patron_id}" not in path and theirs.status_code not in (403, 404):
            by_its_words[name] = theirs.text

    assert differing == []
    assert by_its_words == {}  # whose it is decides, and not what was left out or said wrongly


def named_patrons() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """The lists that may be asked for one patron's: name, path, operation, the parameter."""
    for name, method, path, operation in operations():
        for parameter in operation.get("parameters", ()):
            if (
                method == "GET"
                and parameter["in"] == "query"
                and parameter["name"] in ("patron_id", "person")
            ):
                yield name, path, operation, parameter["name"]


async def test_t26_a_list_asked_for_anothers_shows_nothing_of_theirs(lent: Front) -> None:
    token = await token_of(lent, _patron(B))
    leaks, asked = [], set()
    for name, path, operation, parameter in named_patrons():
        for more in ({}, {"service_point_id": NO_ONE}):
            query = {parameter: str(A), **more}
            answer = await lent.client.get(filled(path, {}), params=query, headers=bearer(token))
            asked.add(name)
            there = answer.json().get("items", []) if answer.status_code == 200 else []
            if there and name != "circulation-list-pickup-points":
                leaks.append((name, answer.text))
            if "Canary" in answer.text or THINGS["request_id"] in answer.text:
                leaks.append((name, answer.text))
        assert operation is not None

    assert leaks == []
    assert {"circulation-list-loans", "ill-list-requests", "circulation-list-appointments"} <= asked


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """What operations may be told as JSON: every shape of an object."""
    for name, _, _, operation in operations():
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        for each in (schema or {}).get("anyOf", [schema]) if schema else ():
            shape = SCHEMAS[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            if shape.get("type") == "object":
                yield name, shape


def test_t24_no_operation_takes_a_field_that_it_does_not_know() -> None:
    open_ended = [name for name, shape in bodies() if shape.get("additionalProperties") is not False]

    assert open_ended == []
    assert len(list(bodies())) > 180


async def test_t24_a_patron_makes_themselves_nothing_else(lent: Front) -> None:
    token = await token_of(lent, _patron(A))
    headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid4()), **bearer(token)}
    for odd in (
        {"role": "staff"},
        {"patronId": str(B)},
        {"tenant": "x"},
        {"fine": 0},
        {"owed": 0},
        {"id": str(B)},
    ):
        answer = await lent.client.patch("/v1/patrons/me", json={"language": "fr", **odd}, headers=headers)
        assert answer.status_code == 422, (odd, answer.text)
    hold = f"/v1/holds/{THINGS['hold_id']}"
    moved = await lent.client.patch(hold, json={"patron_id": str(B)}, headers=headers)

    assert moved.status_code == 422


ELSEWHERE = frozenset({"ELSEWHERE"})
PUBLIC = {"circulation-list-slots"}
"""What strangers may ask of any service point."""


async def test_t22_staff_of_another_library_do_nothing_at_this_ones_service_points(lent: Front) -> None:
    pool = lent.app.state.apps["circulation"].state.resources.pool
    point = str(await pool.fetchval("SELECT id FROM service_point ORDER BY code LIMIT 1"))
    drawer = str(uuid4())
    await pool.execute(
        "INSERT INTO drawer (id, service_point_id, currency, opening, opened_at, opened_by) "
        "VALUES ($1, $2, 'EUR', 0, now(), 'staff')",
        UUID(drawer),
        UUID(point),
    )
    token = await token_of(lent, Principal("staff", str(uuid4()), SCOPES, libraries=ELSEWHERE))
    asked, opened = 0, []
    for name, method, path, operation in operations():
        if name in PUBLIC or not {"{service_point_id}", "{drawer_id}"} & set(re.findall(r"{[^}]*}", path)):
            continue
        asked += 1
        place = filled(path, {"service_point_id": point, "drawer_id": drawer})
        answer = await ask(lent, method, place, operation, token)
        if answer.status_code not in (403, 404):
            opened.append((name, answer.status_code, answer.text))
    at_the_desk: list[tuple[str, dict[str, Any]]] = [
        ("/v1/loans", {"patron_barcode": "M1", "item_barcode": "I1", "service_point_id": point}),
        ("/v1/returns", {"item_barcode": "I1", "service_point_id": point}),
        ("/v1/desk-sessions", {"patron_barcode": "M1", "service_point_id": point}),
        ("/v1/cash-drawers", {"service_point_id": point}),
        (f"/v1/fees/{THINGS['fee_id']}/payments", {"method": "cash", "service_point_id": point}),
    ]
    for path, said in at_the_desk:
        asked += 1
        headers = {"Idempotency-Key": str(uuid4()), **bearer(token)}
        answer = await lent.client.post(path, json=said, headers=headers)
        if answer.status_code not in (403, 404):
            opened.append((path, answer.status_code, answer.text))

    assert opened == []
    assert asked > 15


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
        "circulation-get-appointment",
        "ill-get-request",
        "ill-list-steps",
    }
    assert {status for status in reads.values() if status != 200} <= {403, 404}


def test_a_part_of_an_account_opens_operations_that_there_are() -> None:
    known = {(method, re.sub(r"{[^}]*}", "*", path)) for _, method, path, _ in operations()}

    assert {each for opened in REACH.values() for each in opened} <= known


def _patron(patron: UUID, scopes: frozenset[str] = frozenset({WHOLE}), by: str | None = None) -> Principal:
    own = patron if scopes & (PARTS | {WHOLE}) else None
    return Principal("patron", f"person-{patron}", scopes, patron_id=own, on_behalf_of=by)
