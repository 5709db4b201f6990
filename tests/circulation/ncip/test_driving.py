"""The interlibrary loan of another system drives this circulation by NCIP, by the rules of every other desk."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from contracts import ncip
from contracts.circulation import HoldPlaced, LoanCreated, LoanRenewed, LoanReturned
from support.desk import NOW, Make
from support.driving import HEAD, Hub, asked, item, read, user, wrong
from support.harness import Harness

DUE = (NOW + timedelta(days=40)).isoformat()
HOLD = {"RequestType": "Hold", "RequestScopeType": "Item"}
ACCEPT = {"RequestedActionType": "Hold For Pickup", "DateForReturn": DUE}
ALL = ["Name Information", "User Address Information", "User Privilege", "Block Or Trap", "User Language"]


@pytest.fixture
def hub(circulation: Harness, make: Make) -> Hub:
    return Hub(circulation, make.desks["main-desk"])


async def blocked(circulation: Harness, make: Make, action: str) -> dict[str, Any]:
    """A patron who may not."""
    patron = await make.patron()
    body = {"actions": [action], "note": "lost a book"}
    answer = await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=body)
    assert answer.status_code == 201, answer.text
    return patron


# --- how somebody stands, and where something is ---


async def test_a_user_is_told_of_as_far_as_is_asked(make: Make, hub: Hub) -> None:
    patron = await make.patron(given_name="Ada", email="ada@campus.example", language="en")
    book = await make.item()
    await make.loan(patron, book)
    await make.hold(patron, await make.item())

    bare = await hub.says("LookupUser", **user(patron))
    whole = await hub.says(
        "LookupUser",
        **user(patron),
        UserElementType=ALL,
        LoanedItemsDesired=True,
        RequestedItemsDesired=True,
        UserFiscalAccountDesired=True,
    )

    assert set(bare) == {"UserId"}
    fields = whole["UserOptionalFields"]
    assert fields["NameInformation"]["PersonalNameInformation"]["StructuredPersonalUserName"] == {
        "GivenName": "Ada",
        "Surname": patron["family_name"],
    }
    assert fields["UserPrivilege"][0]["AgencyUserPrivilegeType"] == "student"
    assert "BlockOrTrap" not in fields
    assert [loan["ItemId"]["ItemIdentifierValue"] for loan in whole["LoanedItem"]] == [book.barcode]
    assert whole["RequestedItem"][0]["PickupLocation"] == "main-desk"
    assert whole["UserFiscalAccount"][0]["AccountBalance"] == {"CurrencyCode": "EUR", "MonetaryValue": 0}


async def test_a_user_who_is_blocked_or_out_of_date_is_told_so(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    expired = await make.patron(expires_at=(NOW + timedelta(days=1)).isoformat())
    circulation.at(NOW + timedelta(days=2))

    told = await hub.says("LookupUser", **user(expired), UserElementType=["Block Or Trap", "User Privilege"])

    blocks = [each["BlockOrTrapType"] for each in told["UserOptionalFields"]["BlockOrTrap"]]
    assert blocks == ["Block Check Out", "Block Request Items"]


async def test_a_card_and_its_pin_prove_a_user_and_guesses_are_counted(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron = await make.patron()
    await circulation.put(f"/v1/patrons/{patron['id']}/card-pin", json={"pin": "73915"})

    def proof(pin: str) -> dict[str, Any]:
        pairs = {"Barcode Id": patron["barcode"], "PIN": pin}
        return {
            "AuthenticationInput": [
                {
                    "AuthenticationInputData": value,
                    "AuthenticationDataFormatType": "text/plain",
                    "AuthenticationInputType": kind,
                }
                for kind, value in pairs.items()
            ]
        }

    right = await hub.says("LookupUser", **proof("73915"))
    guess = await hub.says("LookupUser", **proof("11111"))
    stands = (await circulation.get(f"/v1/patrons/{patron['id']}/card-pin")).json()
    without = Hub(hub.circulation, hub.desk, frozenset({"ncip:exchange"}))

    assert right["UserId"]["UserIdentifierValue"] == patron["barcode"]
    assert wrong(guess) == ["User Authentication Failed"]
    assert stands["wrong_guesses"] == 1
    assert wrong(await without.says("LookupUser", **proof("73915"))) == ["Unauthorized Service For Agency"]


async def test_an_item_is_told_of_and_its_borrower_only_to_whoever_lent_it(make: Make, hub: Hub) -> None:
    patron, book, other = await make.patron(), await make.item(call_number="QA 1"), await make.item()
    await make.loan(patron, other)
    before = await hub.says("LookupItem", **item(book))
    await hub.says("CheckOutItem", **user(patron), **item(book))

    ours = await hub.says("LookupItem", **item(book), CurrentBorrowerDesired=True)
    theirs = await hub.says("LookupItem", **item(other), CurrentBorrowerDesired=True)

    assert before["ItemOptionalFields"]["CirculationStatus"] == "Available On Shelf"
    assert before["ItemOptionalFields"]["ItemDescription"] == {"CallNumber": "QA 1"}
    assert ours["ItemTransaction"]["CurrentBorrower"]["UserId"]["UserIdentifierValue"] == patron["barcode"]
    assert (ours["ItemOptionalFields"]["CirculationStatus"], "DateDue" in ours["ItemOptionalFields"]) == (
        "On Loan",
        True,
    )
    assert "ItemTransaction" not in theirs


async def test_a_card_that_was_replaced_is_nobodys_at_this_door(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron = await make.patron(barcode="OLD")
    answer = await circulation.get(f"/v1/patrons/{patron['id']}")
    changed = {"group": "student", "family_name": patron["family_name"], "barcode": "NEW", "active": True}
    put = await circulation.put(
        f"/v1/patrons/{patron['id']}", json=changed, headers={"If-Match": answer.headers["etag"]}
    )
    assert put.status_code == 200, put.text

    assert wrong(await hub.says("LookupUser", **user("OLD"))) == ["Unknown User"]
    assert wrong(await hub.says("LookupUser", **user("NEW"))) == []
    assert wrong(await hub.says("LookupUser", **user(patron["id"]))) == []


async def test_what_is_not_here_is_unknown_in_the_words_of_each_service(make: Make, hub: Hub) -> None:
    patron = await make.patron()

    assert wrong(await hub.says("LookupUser", **user("nobody"))) == ["Unknown User"]
    assert wrong(await hub.says("LookupItem", **item("nothing"))) == ["Unknown Item"]
    assert wrong(await hub.says("LookupItem", **asked())) == ["Unknown Request"]
    assert wrong(await hub.says("CheckOutItem", **user(patron), **item("nothing"))) == ["Unknown Item"]
    assert wrong(await hub.says("CheckInItem", **item("nothing"))) == ["Unknown Item"]
    assert wrong(await hub.says("CancelRequestItem", **user(patron), **asked(), RequestType="Hold")) == [
        "Unknown Request"
    ]


# --- requests ---


async def test_a_request_is_one_hold_however_often_and_at_once_it_comes(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron, book = await make.patron(), await make.item()
    told = {**user(patron), "ItemId": [item(book)["ItemId"]], **asked(), **HOLD}

    answers = await hub.says_at_once(4, "RequestItem", **told)
    again = await hub.says("RequestItem", **told)
    other = await hub.says("RequestItem", **told | user(await make.patron()))

    assert [answer["ItemId"]["ItemIdentifierValue"] for answer in (*answers, again)] == [book.barcode] * 5
    assert again["RequestId"] == told["RequestId"]
    assert len(await circulation.announced(HoldPlaced)) == 1
    assert wrong(other) == ["Duplicate Request"]
    assert (await hub.says("LookupItem", **asked()))["ItemId"]["ItemIdentifierValue"] == book.barcode


async def test_a_title_is_requested_and_let_go_by_its_request(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron, book = await make.patron(), await make.item()
    record = {"BibliographicRecordIdentifier": str(book.title_ids[0]), "AgencyId": "MAIN"}
    wish = {"BibliographicId": [{"BibliographicRecordId": record}], "PickupLocation": "main-desk"}
    told = await hub.says("RequestItem", **user(patron), **wish, **asked(), **HOLD)
    cancel = {**user(patron), **asked(), "RequestType": "Hold"}

    stranger = await hub.says("CancelRequestItem", **cancel | user(await make.patron()))
    elsewhere = Hub(circulation, hub.desk, client="another")
    theirs = await elsewhere.says("CancelRequestItem", **cancel)
    gone = await hub.says("CancelRequestItem", **cancel)
    twice = await hub.says("CancelRequestItem", **cancel)

    assert told["RequestType"] == "Hold"
    assert wrong(stranger) == wrong(theirs) == ["Unknown Request"]
    assert gone["UserId"]["UserIdentifierValue"] == patron["barcode"]
    assert wrong(twice) == []
    assert (await make.account(patron))["holds"] == []
    assert (await make.state(book))["state"] == "available"


async def test_a_request_without_an_id_gets_one_by_which_it_is_cancelled(make: Make, hub: Hub) -> None:
    patron, book = await make.patron(), await make.item()

    told = await hub.says("RequestItem", **user(patron), ItemId=[item(book)["ItemId"]], **HOLD)
    gone = await hub.says(
        "CancelRequestItem", **user(patron), RequestId=told["RequestId"], RequestType="Hold"
    )

    assert wrong(gone) == []
    assert (await make.account(patron))["holds"] == []


async def test_what_a_hold_is_refused_for_is_told_and_nothing_is_left(make: Make, hub: Hub) -> None:
    patron, book = await make.patron(), await make.item()
    await make.loan(patron, book)
    told = {**user(patron), "ItemId": [item(book)["ItemId"]], **asked(), **HOLD}
    refused = await hub.says("RequestItem", **told)
    place = await hub.says("RequestItem", **told | {"PickupLocation": "nowhere"})
    record = {"BibliographicRecordIdentifier": "b1", "AgencyId": "MAIN"}
    title = await hub.says(
        "RequestItem", **user(patron), BibliographicId=[{"BibliographicRecordId": record}], **HOLD
    )
    await make.take_back(book)

    assert wrong(refused) == ["Duplicate Request"]
    assert ncip.problems_in(refused)[0].detail.startswith("already-on-loan-to-patron:")  # type: ignore[union-attr]  # it has one
    assert wrong(place) == ["Unknown Value From Known Scheme"]
    assert wrong(title) == ["Unknown Item"]
    assert wrong(await hub.says("RequestItem", **told)) == []


# --- what comes from elsewhere ---


async def test_what_arrives_is_kept_lent_and_leaves(circulation: Harness, make: Make, hub: Hub) -> None:
    patron = await make.patron()
    described = {"BibliographicDescription": {"Title": "Rivers", "Author": "Okafor"}}
    told = {**user(patron), **asked(), **item("HUB-77"), **ACCEPT, "ItemOptionalFields": described}

    accepted, again = await hub.says_at_once(2, "AcceptItem", **told)
    waiting = (await make.account(patron))["holds"]
    lent = await hub.says("CheckOutItem", **user(patron), **item("HUB-77"), **asked(), DesiredDateDue=DUE)
    back = await hub.says("CheckInItem", **item("HUB-77"))
    gone = await hub.says("LookupItem", **item("HUB-77"))

    assert accepted == again
    assert accepted["ItemId"]["ItemIdentifierValue"] == "HUB-77"
    assert [hold["title"] for hold in waiting] == ["Rivers"]
    assert lent["DateDue"] == DUE
    assert back["UserId"]["UserIdentifierValue"] == patron["barcode"]
    assert wrong(gone) == ["Unknown Item"]
    account = await make.account(patron)
    assert (account["loans"], account["holds"]) == ([], [])


async def test_what_was_never_fetched_leaves_and_its_hold_ends(make: Make, hub: Hub) -> None:
    patron = await make.patron()
    await hub.says("AcceptItem", **user(patron), **asked(), **ACCEPT)

    back = await hub.says("CheckInItem", **item("R-1"))

    assert wrong(back) == []
    assert (await make.account(patron))["holds"] == []


async def test_an_arrival_that_is_refused_leaves_nothing_behind(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    book = await make.item()
    told = {**asked(), **ACCEPT}

    taken = await hub.says("AcceptItem", **told, **user(await make.patron()), **item(book))
    kept_out = await blocked(circulation, make, "hold")
    nobody = await hub.says("AcceptItem", **told, **user(kept_out), **item("HUB-78"))
    odd = await hub.says("AcceptItem", **told | {"RequestedActionType": "Circulate"}, **user(kept_out))
    whose = await hub.says("AcceptItem", **told)

    assert wrong(taken) == ["Cannot Accept Item"]
    assert wrong(nobody) == ["User Blocked"]
    assert wrong(odd) == ["Element Rule Violated"]
    assert wrong(whose) == ["Needed Data Missing"]
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM item") == 1
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM ncip_request") == 0
    assert wrong(await hub.says("AcceptItem", **told, **user(await make.patron()), **item("HUB-78"))) == []


# --- loans ---


async def test_a_loan_is_one_however_often_and_at_once_it_is_told(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron, book = await make.patron(), await make.item()
    told = {**user(patron), **item(book), "DesiredDateDue": DUE}

    answers = await hub.says_at_once(4, "CheckOutItem", **told)
    again = await hub.says("CheckOutItem", **told)
    another = await hub.says("CheckOutItem", **told | user(await make.patron()))

    assert [answer["DateDue"] for answer in (*answers, again)] == [DUE] * 5
    assert len(await circulation.announced(LoanCreated)) == 1
    assert wrong(another) == ["Resource Cannot Be Provided"]


async def test_every_reason_against_a_loan_is_a_problem(circulation: Harness, make: Make, hub: Hub) -> None:
    visitor = await blocked(circulation, make, "borrow")
    reference = await make.item(loan_type="reference")

    told = await hub.says("CheckOutItem", **user(visitor), **item(reference))
    late = await hub.says(
        "CheckOutItem", **user(visitor), **item(reference), DesiredDateDue="2020-01-01T00:00:00+00:00"
    )

    assert sorted(wrong(told)) == ["Item Does Not Circulate", "User Blocked"]
    assert wrong(late) == ["Invalid Date"]


async def test_a_return_ends_the_loan_once(circulation: Harness, make: Make, hub: Hub) -> None:
    patron, book = await make.patron(), await make.item()
    await make.loan(patron, book)

    answers = await hub.says_at_once(3, "CheckInItem", **item(book))
    after = await hub.says("CheckInItem", **item(book))

    assert [] in [wrong(answer) for answer in answers]
    assert all(wrong(answer) in ([], ["Item Not Checked Out"]) for answer in answers)
    assert all("UserId" not in answer for answer in answers)  # a desk lent it: whose it was is not told
    assert wrong(after) == ["Item Not Checked Out"]
    assert len(await circulation.announced(LoanReturned)) == 1


async def test_a_renewal_is_one_a_day_and_refusals_have_their_words(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    patron, book = await make.patron(), await make.item()
    told = {**user(patron), **item(book)}
    nothing = await hub.says("RenewItem", **told)
    await make.loan(patron, book)
    circulation.at(NOW + timedelta(days=20))
    first, second = await hub.says_at_once(2, "RenewItem", **told)
    again = await hub.says("RenewItem", **told)
    somebody = await hub.says("RenewItem", **told | user(await make.patron()))
    await make.hold(await make.patron(), book)
    circulation.at(NOW + timedelta(days=30))
    waited_for = await hub.says("RenewItem", **told)

    assert wrong(nothing) == ["Item Not Checked Out"]
    assert first == second == again
    assert first["RenewalCount"] == 1
    assert len(await circulation.announced(LoanRenewed)) == 1
    assert wrong(somebody) == ["Item Not Checked Out By This User"]
    assert "Renewal Not Allowed - Item Has Outstanding Requests" in wrong(waited_for)


# --- the door ---


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Invalid Message Syntax Error"),
        (b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>", "Invalid Message Syntax Error"),
        (b"<?xml-stylesheet href='http://x/'?><x/>", "Invalid Message Syntax Error"),
        (b"<x/>", "Invalid Message Syntax Error"),
        (
            f'<NCIPMessage xmlns="{ncip.SPACE}" version="{ncip.VERSION}"><SendUserNotice/></NCIPMessage>'.encode(),
            "Unsupported Service",
        ),
    ],
    ids=["nothing", "bomb", "instruction", "odd", "service"],
)
async def test_what_is_no_message_of_ours_is_answered_by_a_bare_problem(
    hub: Hub, body: bytes, told: str
) -> None:
    answer = await hub.post(body)

    assert answer.status_code == 200
    assert wrong(read(answer.content, "Problem")) == [told]


async def test_a_message_that_lacks_something_is_told_what(hub: Hub) -> None:
    answer = await hub.post(ncip.write("CheckOutItem", HEAD))

    problems = ncip.problems_in(read(answer.content, "CheckOutItemResponse"))
    assert {problem.type for problem in problems} == {"Invalid Message Syntax Error"}
    assert {problem.element for problem in problems} == {"ItemId", "UserId"}


async def test_the_door_opens_to_keys_of_its_scope_for_xml_of_some_size(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    nobody = Hub(circulation, hub.desk, frozenset({"pins:verify"}))
    patron, book = await make.patron(), await make.item()
    placeless = Hub(circulation, uuid7())
    law = Hub(circulation, hub.desk, libraries=frozenset({"LAW"}))
    lend = {**user(patron), **item(book)}

    assert (await nobody.post(b"<x/>")).status_code == 403
    assert (await hub.post(b"<x/>", "text/plain")).status_code == 415
    assert (await hub.post(b"x" * 100_001)).status_code == 413
    assert (await law.post(ncip.write("CheckOutItem", HEAD | lend))).status_code == 403
    assert wrong(await placeless.says("CheckOutItem", **lend)) == ["Needed Data Missing"]


async def test_patrons_who_are_kept_apart_are_unknown_to_machines_of_other_libraries(
    circulation: Harness, make: Make, hub: Hub
) -> None:
    await make.configure(registration={"patrons_apart": True})
    patron = await make.patron(library="MAIN")
    law = Hub(circulation, make.desks["law-desk"], libraries=frozenset({"LAW"}))

    assert wrong(await law.says("LookupUser", **user(patron))) == ["Unknown User"]
    assert wrong(await hub.says("LookupUser", **user(patron))) == []
