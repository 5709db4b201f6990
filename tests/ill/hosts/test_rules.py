"""What a host is told, and what its answer comes to."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ill.hosts.rules import (
    Act,
    Facts,
    Host,
    Means,
    NoAnswer,
    Unsayable,
    is_there_already,
    kept,
    message,
    service_of,
    understood,
)

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
ALL = frozenset(
    {"AcceptItem", "CancelRequestItem", "CheckInItem", "CheckOutItem", "LookupUser", "RequestItem"}
    | {"RenewItem", "RecallItem"}
)
HOST = Host(manual=False, services=ALL, us="ILL", them="MAIN", places={"desk": "MAIN-DESK"})
LEND = Facts(Act.LEND, "ILL-1", user="P1", barcode="31", due_at="2027-04-01T00:00:00+00:00")
ITEM = {"ItemId": {"AgencyId": "MAIN", "ItemIdentifierValue": "31"}}
DUE = {"DateDue": "2027-04-01T00:00:00+00:00"}


def problem(*types: str) -> dict[str, Any]:
    return {"Problem": [{"ProblemType": each} for each in types]}


@pytest.mark.parametrize(
    ("facts", "service", "told"),
    [
        (LEND, "CheckOutItem", {"DesiredDateDue": "2027-04-01T00:00:00+00:00"}),
        (replace(LEND, act=Act.OVER), "CheckInItem", ITEM),
        (replace(LEND, act=Act.ARRIVED, pickup="desk"), "AcceptItem", {"PickupLocation": "MAIN-DESK"}),
        (replace(LEND, act=Act.ARRIVED, pickup="odd"), "AcceptItem", {"PickupLocation": "odd"}),
        (replace(LEND, act=Act.ARRIVED, due_at=None), "AcceptItem", {"IndeterminateLoanPeriodFlag": True}),
        (
            replace(LEND, act=Act.KEEP),
            "RequestItem",
            {"ItemId": [ITEM["ItemId"]], "RequestScopeType": "Item"},
        ),
        (
            replace(LEND, act=Act.KEEP, barcode=None, record_id="b1"),
            "RequestItem",
            {
                "BibliographicId": [
                    {"BibliographicRecordId": {"BibliographicRecordIdentifier": "b1", "AgencyId": "MAIN"}}
                ],
                "RequestScopeType": "Bibliographic Item",
            },
        ),
        (replace(LEND, act=Act.DATE, why="renewed"), "RenewItem", ITEM),
        (replace(LEND, act=Act.DATE, why="recalled"), "RecallItem", ITEM),
    ],
)
def test_each_act_is_said_by_its_service(facts: Facts, service: str, told: dict[str, Any]) -> None:
    said, body = message(facts, HOST)

    assert said == service
    assert {name: body.get(name) for name in told} == told


@pytest.mark.parametrize(
    ("facts", "host", "code"),
    [
        (LEND, replace(HOST, manual=True), "by-hand"),
        (LEND, replace(HOST, services=frozenset()), "service-not-offered"),
        (replace(LEND, act=Act.CHARGE), HOST, "service-not-offered"),
        (replace(LEND, user=None), HOST, "user-not-mapped"),
        (replace(LEND, barcode=None), HOST, "item-not-known"),
        (replace(LEND, act=Act.KEEP, barcode=None), HOST, "title-not-known"),
    ],
)
def test_what_cannot_be_said_is_for_staff(facts: Facts, host: Host, code: str) -> None:
    with pytest.raises(Unsayable) as raised:
        message(facts, host)

    assert raised.value.code == code


@pytest.mark.parametrize(
    ("act", "body", "doubtful", "means", "reasons"),
    [
        (Act.LEND, ITEM | DUE, False, Means.DONE, ()),
        (Act.LEND, problem("User Blocked", "Odd Trouble"), False, Means.REFUSED, ("patron-blocked", "odd-trouble")),
        (Act.LEND, problem("Temporary Processing Failure"), False, Means.LATER, ("temporary-processing-failure",)),
        (Act.LEND, problem("Unknown Agency"), False, Means.STAFF, ("unknown-agency",)),
        (Act.DATE, {"Pending": {}}, False, Means.STAFF, ("pending",)),
        (Act.OVER, problem("Item Not Checked Out"), False, Means.DONE, ()),
        (Act.LET_GO, problem("Unknown Request"), False, Means.DONE, ()),
        (Act.LEND, problem("Unknown Item"), False, Means.REFUSED, ("not-held",)),
        (Act.KEEP, problem("Duplicate Request"), False, Means.REFUSED, ("duplicate-request",)),
        (Act.KEEP, problem("Duplicate Request"), True, Means.DONE, ()),
        (Act.ARRIVED, problem("Duplicate Item"), True, Means.DONE, ()),
        (Act.HOLD, problem("Duplicate Request", "Odd"), True, Means.REFUSED, ("duplicate-request", "odd")),
    ],
)  # fmt: skip
def test_an_answer_comes_to_something(
    act: Act, body: dict[str, Any], doubtful: bool, means: Means, reasons: tuple[str, ...]
) -> None:
    facts = replace(LEND, act=act, why="renewed" if act is Act.DATE else None)
    service = service_of(act, facts.why) or ""

    found = understood(facts, service, f"{service}Response", body, doubtful=doubtful, now=NOW)

    assert (found.means, found.reasons) == (means, reasons)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("CheckInItemResponse", ITEM),
        ("CheckOutItemResponse", {"ItemId": {"ItemIdentifierValue": "32"}} | DUE),
        ("CheckOutItemResponse", {"RequestId": {"RequestIdentifierValue": "ILL-2"}} | ITEM | DUE),
        ("CheckOutItemResponse", ITEM),
        ("Problem", {}),
    ],
)
def test_an_answer_to_something_else_is_none(kind: str, body: dict[str, Any]) -> None:
    with pytest.raises(NoAnswer):
        understood(LEND, "CheckOutItem", kind, body, doubtful=False, now=NOW)


@pytest.mark.parametrize(
    ("fields", "stops"),
    [
        ({}, []),
        ({"BlockOrTrap": [{"BlockOrTrapType": "Block Check Out"}]}, ["block-check-out"]),
        (
            {"BlockOrTrap": [{"BlockOrTrapType": "Block Renewals"}, {"BlockOrTrapType": "Trap For Message"}]},
            [],
        ),
        (
            {
                "BlockOrTrap": [
                    {"BlockOrTrapType": "Block Check Out", "ValidToDate": "2027-01-01T00:00:00+00:00"}
                ]
            },
            [],
        ),
        ({"UserPrivilege": [{"ValidToDate": "2027-01-01T00:00:00+00:00"}]}, ["card-expired"]),
        (
            {"UserPrivilege": [{"UserPrivilegeStatus": {"UserPrivilegeStatusType": "Suspended"}}]},
            ["patron-inactive"],
        ),
        ({"UserPrivilege": [{"UserPrivilegeStatus": {"UserPrivilegeStatusType": "OK"}}]}, []),
    ],
)
def test_what_stops_a_patron_at_the_host(fields: dict[str, Any], stops: list[str]) -> None:
    facts = replace(LEND, act=Act.PATRON)

    found = understood(
        facts, "LookupUser", "LookupUserResponse", {"UserOptionalFields": fields}, doubtful=False, now=NOW
    )

    assert found.told == {"known": True, "stops": stops}


def test_a_user_whom_the_host_does_not_know_is_an_answer() -> None:
    facts = replace(LEND, act=Act.PATRON)

    found = understood(
        facts, "LookupUser", "LookupUserResponse", problem("Unknown User"), doubtful=False, now=NOW
    )

    assert (found.means, found.told["known"]) == (Means.DONE, False)


def test_a_loan_is_there_when_the_item_is_out_to_the_very_user() -> None:
    def out_to(user: str) -> dict[str, Any]:
        return {"ItemTransaction": {"CurrentBorrower": {"UserId": {"UserIdentifierValue": user}}}}

    assert is_there_already(LEND, {}) is None
    assert is_there_already(LEND, out_to("P2")) is None
    found = is_there_already(LEND, out_to("P1"))
    assert found is not None
    assert found.told == {"barcode": "31", "due_at": LEND.due_at}


def test_nothing_of_a_patron_is_kept_of_a_message() -> None:
    body = {"UserId": {"UserIdentifierValue": "P1"}, "ItemId": {"ItemIdentifierValue": "31"}}
    head = {"InitiationHeader": {"FromAgencyAuthentication": "secret", "FromAgencyId": {"AgencyId": "ILL"}}}

    assert kept(head | body | {"UserOptionalFields": {}}) == {
        "InitiationHeader": {"FromAgencyId": {"AgencyId": "ILL"}},
        "ItemId": {"ItemIdentifierValue": "31"},
    }
