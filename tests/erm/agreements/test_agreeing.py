"""Agreements and their lines through the front door."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from contracts.erm import AgreementChanged
from support import acquiring
from support.desk import codes, pointers
from support.harness import Harness
from support.licensing import Shelf, shelf

PERIOD = {"starts_on": "2027-01-01", "ends_on": "2027-12-31", "cancel_by": "2027-09-30"}
NEXT = {"starts_on": "2028-01-01"}
NOBODY = "01890000-0000-7000-8000-00000000dead"


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    return await shelf(erm)


async def test_an_agreement_is_entered_related_renewed_and_closed_for_a_reason(
    erm: Harness, make: Shelf
) -> None:
    licence = await make.licence()
    old = await make.agreement(
        name="Riverbase 2026", periods=[{"starts_on": "2026-01-01", "ends_on": "2026-12-31"}]
    )
    relations = [{"agreement_id": old["id"], "kind": "supersedes"}]
    new = await make.agreement(licence, periods=[PERIOD], relations=relations, status="draft")
    path = f"/v1/agreements/{new['id']}"

    active = (await make.put(path, new, status="active", periods=[PERIOD, NEXT])).json()
    refused = await make.put(
        path, active, status="requested", close_reason="ceased", periods=[PERIOD, PERIOD]
    )
    closed = (await make.put(path, active, status="closed", close_reason="cancelled")).json()
    seen_from_old = (await erm.get(f"/v1/agreements/{old['id']}")).json()

    assert [one["in_force"] for one in (old, new, active, closed)] == [False, False, True, False]
    assert sorted(codes(refused)) == ["agreement-move-unknown", "close-reason-unexpected", "periods-overlap"]
    assert (closed["status"], closed["close_reason"], closed["version"]) == ("closed", "cancelled", 3)
    assert [(one["agreement_id"], one["kind"], one["of_this"]) for one in seen_from_old["related"]] == [
        (new["id"], "supersedes", False)
    ]
    told = [event for event in await erm.announced(AgreementChanged) if str(event.agreement_id) == new["id"]]
    assert [(event.version, event.what, event.agreement.status) for event in told] == [
        (1, "entered", "draft"),
        (2, "changed", "active"),
        (3, "changed", "closed"),
    ]
    assert [str(one) for one in told[1].agreement.licence_ids] == [licence["id"]]


async def test_what_has_to_be_cancelled_soon_is_listed(erm: Harness, make: Shelf) -> None:
    soon = await make.agreement(periods=[PERIOD])
    await make.agreement(periods=[PERIOD], status="draft")
    await make.agreement(periods=[PERIOD | {"cancel_by": "2027-02-28"}])
    await make.agreement(periods=[PERIOD | {"cancel_by": None}])

    found = (await erm.get("/v1/agreements?cancel_until=2027-10-01")).json()["items"]
    early = (await erm.get("/v1/agreements?cancel_until=2027-09-29")).json()["items"]

    assert [one["id"] for one in found] == [soon["id"]]
    assert early == []


async def test_what_an_agreement_names_has_to_be_there(erm: Harness, make: Shelf) -> None:
    licence = await make.licence()
    body: dict[str, Any] = {"name": "A"}
    twice = [{"licence_id": licence["id"]}] * 2

    answers = [
        await erm.post("/v1/agreements", json=body | {"organisations": [{"organisation_id": NOBODY}]}),
        await erm.post("/v1/agreements", json=body | {"licences": [{"licence_id": NOBODY}]}),
        await erm.post(
            "/v1/agreements", json=body | {"relations": [{"agreement_id": NOBODY, "kind": "part-of"}]}
        ),
    ]
    again = await erm.post("/v1/agreements", json=body | {"licences": twice})

    assert [(one.status_code, *codes(one)) for one in answers] == [
        (422, "organisation-unknown"),
        (422, "licence-unknown"),
        (422, "agreement-unknown"),
    ]
    assert sorted(codes(again)) == ["named-twice", "several-governing-licences"]
    assert (await erm.get("/v1/agreements")).json()["items"] == []


async def test_the_database_itself_lets_no_periods_overlap(erm: Harness, make: Shelf) -> None:
    told = await make.agreement(periods=[PERIOD, NEXT])

    with pytest.raises(asyncpg.ExclusionViolationError):
        await erm.resources.pool.execute(
            "INSERT INTO agreement_period (agreement_id, position, starts_on, ends_on) VALUES ($1, 9, $2, $2)",
            UUID(told["id"]),
            date(2027, 12, 31),
        )


async def test_two_who_change_an_agreement_at_once_are_told_apart(erm: Harness, make: Shelf) -> None:
    told = await make.agreement()
    path = f"/v1/agreements/{told['id']}"

    answers = await asyncio.gather(*(make.put(path, told, name=name) for name in ("A", "B", "C")))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_lines_that_are_added_at_once_are_told_one_after_the_other(erm: Harness, make: Shelf) -> None:
    agreement = await make.agreement()
    body = {"resource": "detached", "description": "A journal"}
    path = f"/v1/agreements/{agreement['id']}/lines"

    answers = await asyncio.gather(*(erm.post(path, json=body) for _ in range(3)))

    assert [answer.status_code for answer in answers] == [201] * 3
    assert [event.version for event in await erm.announced(AgreementChanged)] == [1, 2, 3, 4]


async def test_our_coverage_counts_and_the_knowledge_bases_is_still_shown(erm: Harness, make: Shelf) -> None:
    listed = await make.listed({"start": date(1990, 1, 1), "embargo": "P12M"})
    agreement = await make.agreement()
    line = await make.line(
        agreement, "package-item", listed.item, coverage=[{"starts": "1995", "ends": "2000-02"}]
    )
    whole = await make.line(agreement, "platform-title", listed.on)
    odd = [
        {"starts": "1999-02-30"},
        {"starts": "2001", "ends": "2000"},
        {"starts": "1990"},
        {"starts": "1991"},
    ]

    refused = await make.put(f"/v1/agreement-lines/{line['id']}", line, coverage=odd)
    cleared = (await make.put(f"/v1/agreement-lines/{line['id']}", line, coverage=[])).json()

    assert line["name"] == "Journal of Imaginary Hydrology"
    assert (line["coverage"][0]["starts"], line["coverage"][0]["ends"]) == ("1995", "2000-02")
    for told in (line, whole, cleared):
        assert [(one["starts"], one["embargo"]) for one in told["knowledge_base_coverage"]] == [
            ("1990-01-01", "P12M")
        ]
    assert cleared["coverage"] == []
    assert pointers(refused) == ["/coverage/0/starts", "/coverage/1/ends", "/coverage/3"]


async def test_a_line_is_of_one_thing_that_there_is_and_stays_with_it(erm: Harness, make: Shelf) -> None:
    listed = await make.listed()
    agreement = await make.agreement()
    path = f"/v1/agreements/{agreement['id']}/lines"
    package = {"resource": "package", "resource_id": str(listed.package)}
    line = await make.post(path, package)
    external = await make.post(path, {"resource": "external", "authority": "ebsco", "reference": "pkg-7"})

    for wrong in (
        {"resource": "package"},
        {"resource": "external", "authority": "x"},
        {"resource": "detached"},
        package | {"coverage": [{"starts": "1990"}]},
        package | {"active_from": "2027-01-02", "active_to": "2027-01-01"},
    ):
        assert (await erm.post(path, json=wrong)).status_code == 422, wrong
    nowhere = await erm.post(path, json=package | {"resource_id": NOBODY})
    unordered = await erm.post(path, json=package | {"order_line_ids": [NOBODY]})
    moved = await make.put(
        f"/v1/agreement-lines/{line['id']}", line, resource="platform-title", resource_id=str(listed.on)
    )
    await make.put(
        f"/v1/agreements/{agreement['id']}",
        await make_now(erm, agreement),
        status="closed",
        close_reason="ceased",
    )
    late = await erm.post(path, json=package)

    assert (codes(nowhere), codes(unordered)) == (["resource-unknown"], ["order-line-unknown"])
    assert codes(moved) == ["line-resource-fixed"]
    assert (late.status_code, codes(late)) == (409, ["agreement-closed"])
    assert external["name"] == "pkg-7"
    kept = (await erm.get(f"/v1/agreement-lines?agreement_id={agreement['id']}")).json()["items"]
    assert [(one["id"], one["reasons"]) for one in kept] == [
        (external["id"], ["agreement-not-active"]),
        (line["id"], ["agreement-not-active"]),
    ]


async def make_now(erm: Harness, agreement: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = (await erm.get(f"/v1/agreements/{agreement['id']}")).json()
    return told


async def test_what_became_of_a_line_is_kept_and_when_a_title_was_to_be_had(
    erm: Harness, make: Shelf
) -> None:
    listed = await make.listed()
    other = await make.title("Another", issn="0306-4522")
    agreement = await make.agreement(periods=[{"starts_on": "2026-01-01", "ends_on": "2026-12-31"}, PERIOD])
    line = await make.line(agreement, "package", listed.package, active_from="2026-07-01")
    path = f"/v1/agreement-lines/{line['id']}"

    ended = (await make.put(path, line, active_to="2027-02-28")).json()
    hidden = (await make.put(path, ended, suppressed=True)).json()
    history = (await erm.get(f"/v1/agreements/{agreement['id']}/history?limit=2")).json()
    rest = (await erm.get(f"/v1/agreements/{agreement['id']}/history?cursor={history['next_cursor']}")).json()
    had = (await erm.get(f"/v1/agreements/{agreement['id']}/titles/{listed.title}")).json()
    never = (await erm.get(f"/v1/agreements/{agreement['id']}/titles/{other}")).json()

    assert (line["usable_today"], ended["reasons"]) == (True, ["line-ended"])
    assert hidden["reasons"] == ["line-ended", "line-suppressed"]
    entries = [(one["what"], one["active_to"], one["name"]) for one in history["items"] + rest["items"]]
    assert entries == [
        ("suppressed", "2027-02-28", "Rivers Complete"),
        ("ended", "2027-02-28", "Rivers Complete"),
        ("added", None, "Rivers Complete"),
    ]
    assert (had["first"], had["last"], len(had["through"])) == ("2026-07-01", "2027-02-28", 1)
    assert had["through"][0]["days"][0] == {"first": "2026-07-01", "last": "2026-12-31"}
    assert (never["first"], never["last"], never["through"]) == (None, None, [])


async def test_a_line_shows_what_was_ordered_for_it_and_what_that_costs(erm: Harness, make: Shelf) -> None:
    buys = await acquiring.furnished(erm)
    fund = await buys.budget()
    order = await buys.order(buys.line(fund, "100.00"), buys.line(fund, "20.50"), buys.line(fund, "7.00"))
    agreement = await make.agreement()
    ids = [line["id"] for line in order["lines"]]
    body = {"resource": "detached", "description": "A journal", "order_line_ids": ids}
    line = await make.post(f"/v1/agreements/{agreement['id']}/lines", body)
    again = await make.post(f"/v1/agreements/{agreement['id']}/lines", body | {"order_line_ids": ids[:1]})

    found = (await erm.get(f"/v1/agreement-lines?order_line_id={ids[0]}")).json()["items"]
    fewer = (await make.put(f"/v1/agreement-lines/{line['id']}", line, order_line_ids=ids[1:2])).json()

    assert line["cost"] == [{"currency": "EUR", "total": "127.50"}]
    assert [one["order_number"] for one in line["orders"]] == [order["number"]] * 3
    assert {one["id"] for one in found} == {line["id"], again["id"]}
    assert fewer["cost"] == [{"currency": "EUR", "total": "20.50"}]
