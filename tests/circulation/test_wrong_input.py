"""Wrong input at every door of circulation: told what is wrong and where, nothing written, never our fault."""

import itertools
from typing import Any

import pytest

from chassis.ids import uuid7
from support.desk import Make, pointers
from support.harness import Harness

ANY = "01a0f7a2-5b1c-4d3e-8f00-000000000001"
LOAN = {"patron_id": ANY, "item_id": ANY, "service_point_id": ANY}
HOLD = {"patron_id": ANY, "title_id": ANY, "pickup_id": ANY}
RETURN = {"item_id": ANY, "service_point_id": ANY}
OVERRIDE = {"blocks": ["fees-owed"], "comment": "…"}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/loans", {}, ""),
        ("/v1/loans", LOAN | {"patron_barcode": "x"}, ""),
        ("/v1/loans", LOAN | {"item_id": "x"}, "/item_id"),
        ("/v1/loans", LOAN | {"item_id": 7}, "/item_id"),
        ("/v1/loans", LOAN | {"colour": "red"}, "/colour"),
        ("/v1/loans", LOAN | {"lent_at": "2027-03-01T09:00:00"}, "/lent_at"),
        ("/v1/loans", LOAN | {"lent_at": "yesterday"}, "/lent_at"),
        ("/v1/loans", LOAN | {"lent_at": "0001-01-01T00:00:00+14:00"}, "/lent_at"),
        ("/v1/loans", LOAN | {"lent_at": "9999-12-31T23:59:59-14:00"}, "/lent_at"),
        ("/v1/loans", LOAN | {"lent_at": 10**18}, "/lent_at"),
        ("/v1/loans", LOAN | {"override": OVERRIDE | {"blocks": ["whim"]}}, "/override/blocks/0"),
        ("/v1/loans", LOAN | {"override": OVERRIDE | {"blocks": []}}, "/override/blocks"),
        ("/v1/loans", LOAN | {"override": OVERRIDE | {"comment": ""}}, "/override/comment"),
        (
            "/v1/loans",
            LOAN | {"override": OVERRIDE | {"due_at": "9999-12-31T23:59:59-14:00"}},
            "/override/due_at",
        ),
        ("/v1/loans", {"patron_barcode": "", "item_barcode": "x"}, "/patron_barcode"),
        ("/v1/loans", {"patron_barcode": "x" * 101, "item_barcode": "x"}, "/patron_barcode"),
        ("/v1/returns", {}, ""),
        ("/v1/returns", RETURN | {"item_barcode": "x"}, ""),
        ("/v1/returns", RETURN | {"returned_at": "2027-03-01"}, "/returned_at"),
        ("/v1/returns", RETURN | {"service_point_id": "main-desk"}, "/service_point_id"),
        ("/v1/holds", {"pickup_id": ANY}, ""),
        ("/v1/holds", HOLD | {"item_id": ANY}, ""),
        ("/v1/holds", HOLD | {"patron_barcode": "x"}, ""),
        ("/v1/holds", HOLD | {"kind": "wish"}, "/kind"),
        ("/v1/holds", {"patron_id": ANY, "title_id": ANY}, "/pickup_id"),
        ("/v1/holds", {"patron_barcode": "", "title_id": ANY, "pickup_id": ANY}, "/patron_barcode"),
        (f"/v1/holds/{ANY}/cancellations", {"reason": ""}, "/reason"),
        (f"/v1/loans/{ANY}/renewals", {"colour": "red"}, "/colour"),
        ("/v1/loans/7/renewals", {}, "path/loan_id"),
        ("/v1/loans?dry_run=perhaps", LOAN, "query/dry_run"),
        (f"/v1/patrons/{ANY}/blocks", {"actions": ["sing"], "note": "…"}, "/actions/0"),
        (
            f"/v1/patrons/{ANY}/blocks",
            {"actions": ["hold"], "note": "…", "expires_at": "0001-01-01T00:00:00Z"},
            "/expires_at",
        ),
    ],
)
async def test_what_is_wrong_is_told_with_its_place(
    circulation: Harness, make: Make, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await circulation.post(path, json=body)

    assert (answer.status_code, pointers(answer)) == (422, [pointer])
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/returns", "/v1/holds", "/v1/patrons"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"item_barcode": "\\u0000", "patron_barcode": "\\u0000"}', 422),
        (b'{"item_barcode": "\\ud800", "patron_barcode": "x"}', 400),
        (b'{"item_barcode": "\xff", "patron_barcode": "x"}', 400),
        (b'{"item_barcode": ', 400),
        (b"[]", 422),
        (b"null", 422),
        (b"", 422),
        (b"[" * 100_000, 400),
        (b'{"item_barcode": 1e400, "patron_barcode": NaN}', 400),
    ],
)
async def test_what_cannot_be_read_is_nobodys_fault_here(
    circulation: Harness, make: Make, path: str, body: bytes, status: int
) -> None:
    answer = await circulation.post(path, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


ODD = ("%00", "x", "-1", "99999999999999999999", "%ED%A0%80", "a" * 5000, "%F0%9F%93%9A", "")


@pytest.mark.parametrize(
    "path", ["/v1/loans", "/v1/holds", "/v1/fees", "/v1/patrons", f"/v1/titles/{ANY}/availability"]
)
async def test_odd_questions_get_an_answer(circulation: Harness, make: Make, path: str) -> None:
    names = ("limit", "cursor", "patron_id", "barcode", "state", "item_id", "detail", "open")

    for name, odd in itertools.product(names, ODD):
        answer = await circulation.get(f"{path}?{name}={odd}")

        assert answer.status_code in (200, 400, 404, 422), (name, odd, answer.text)


@pytest.mark.parametrize("odd", [*ODD[:-1], "00000000-0000-0000-0000-000000000000", "me"])
@pytest.mark.parametrize(
    "path", ["/v1/loans/{}", "/v1/holds/{}", "/v1/fees/{}", "/v1/patrons/{}", "/v1/patrons/{}/account"]
)
async def test_odd_ids_name_nothing(circulation: Harness, make: Make, path: str, odd: str) -> None:
    answer = await circulation.get(path.format(odd))

    assert answer.status_code in (400, 404, 422), answer.text


async def test_refused_requests_write_nothing(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    before = await circulation.envelopes()
    key = str(uuid7())

    await make.lend(patron, item, key=key, lent_at="2027-03-01T09:00:00")
    await make.lend(patron, item, key=key, override=OVERRIDE | {"blocks": ["whim"]})
    lent = await make.lend(patron, item, key=key)

    assert before == (await circulation.envelopes())[: len(before)]
    assert lent.status_code == 201
