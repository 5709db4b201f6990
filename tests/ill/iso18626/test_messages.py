"""Messages are read from strangers' XML and written to the standard's schema."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from chassis.markup import DEPTH, NotXml, read
from ill.iso18626 import composing, documents
from ill.iso18626.composing import Agency, decimal, minor
from ill.iso18626.grammar import GRAMMARS, MESSAGES, SPACE
from support.otherlibrary import SCHEMAS
from support.shared_data import shared_data

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
US = Agency(
    "ISIL", "XX-REQ1", "Library & Archive", ("1 Road", "Building <B>", "12345 Town", "XX"), "a@b.example"
)
THEM = Agency("ISIL", "XX-SUPA")
HEAD = composing.header(supplier=THEM, requester=US, request_id="R1", suppliers_id="S1", now=NOW)
ROW: dict[str, Any] = {
    "citation": {
        "title": "Rivers \x00\x0b& <plains>",
        "author": "Okafor",
        "edition": "2",
        "isbn": "9780306406157",
        "issn": "0378-5955",
        "doi": "10.1/x",
        "pmid": "1",
        "oclc": "2",
        "record_id": "r",
        "publisher": "P",
        "year": "1999",
        "place": "T",
        "article_title": "Bends",
        "article_author": "A",
        "volume": "1",
        "issue": "2",
        "pages": "3-4",
    },
    "service": "copy",
    "compliance": "US-CCG",
    "service_level": "Rush",
    "need_before": NOW,
    "any_edition": False,
    "preferred_edition": "most-recent",
    "note": "please",
}
BARE: dict[str, Any] = (
    ROW | {"citation": {}, "service": "loan", "need_before": None, "note": None} | {"preferred_edition": None}
)
OFFER = {
    "conditions": ["LibraryUseOnly", "NoReproduction"],
    "cost": 3500,
    "currency": "EUR",
    "reason": "OnLoan",
    "retry_after": NOW.isoformat(),
    "retry_before": NOW.isoformat(),
}


def every_message() -> dict[str, tuple[str, dict[str, Any]]]:
    """Each message that we ever send, with as much and as little in it as can be."""
    told = {
        "request": (
            "request",
            composing.request(ROW, HEAD, us=US, previous=None, max_cost=composing.costs(1, "EUR")),
        ),
        "bare-request": ("request", composing.request(BARE, HEAD, us=THEM, previous="R0", max_cost=None)),
    }
    for action in GRAMMARS["2021-2"].closed["action"]:
        told[action] = ("requestingAgencyMessage", composing.action(HEAD, action, "a note"))
    for status in GRAMMARS["2021-2"].closed["status"]:
        for offer in (OFFER, {}):
            document = composing.supplying(
                HEAD,
                reason="StatusChange",
                status=status,
                now=NOW,
                answer="Y",
                note="n",
                due_at=NOW,
                offer=offer,
                sent={"itemId": "I1", "sentVia": "Mail", "URL": "https://a.example/1"},
                return_to=US,
                otherwise="Loaned",
            )
            told[f"{status}-{bool(offer)}"] = ("supplyingAgencyMessage", document)
    asked = [*told.items(), ("empty-request", ("request", {})), ("empty", ("supplyingAgencyMessage", {}))]
    for name, (kind, document) in asked:
        for error in (None, ("BadlyFormedMessage", "header")):
            confirmed = composing.confirmation(kind, document, now=NOW, error=error)
            told[f"{name}-confirmed-{error is None}"] = confirmed
    return told


@pytest.mark.parametrize("version", SCHEMAS)
def test_every_message_that_we_send_is_valid_by_the_schema_of_the_version(version: str) -> None:
    schema = etree.XMLSchema(etree.parse(shared_data("iso18626", "xsd", SCHEMAS[version])))

    for name, (kind, document) in every_message().items():
        written = documents.write(kind, document, version)
        assert schema.validate(etree.fromstring(written)), (name, schema.error_log)
        told = documents.read(written)
        assert (told.flaw, told.unknown, told.version) == (None, (), version), name


@pytest.mark.parametrize("version", SCHEMAS)
def test_what_is_written_is_read_again(version: str) -> None:
    for kind, document in every_message().values():
        again = documents.read(documents.write(kind, document, version))
        whole = documents.write(again.kind, again.document, version)
        assert documents.read(whole).document == again.document


def scenarios(version: str) -> list[Path]:
    return sorted(shared_data("iso18626", "scenarios", f"v{version}").rglob("*.xml"))


@pytest.mark.parametrize(("said", "written"), list(itertools.product(SCHEMAS, SCHEMAS)))
def test_every_message_of_the_scenarios_is_read_and_written_as_valid_in_either_version(
    said: str, written: str
) -> None:
    schema = etree.XMLSchema(etree.parse(shared_data("iso18626", "xsd", SCHEMAS[written])))

    assert len(scenarios(said)) > 40
    for file in scenarios(said):
        told = documents.read(file.read_bytes())
        assert (told.flaw, told.version) == (None, said), file
        if "multipleItemRequestId" not in json.dumps(told.document):
            head = next(name for name in ("header", "confirmationHeader") if name in told.document)
            told.document[head].setdefault("multipleItemRequestId", "")
            told.document[head].setdefault("requestingAgencyRequestId", "")
        schema.assertValid(etree.fromstring(documents.write(told.kind, told.document, written)))


def same_story(version: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The scenarios, in our shape; by file."""
    told = []
    for file in scenarios(version):
        read = documents.read(file.read_bytes())
        (read.document.get("header") or read.document["confirmationHeader"]).pop(
            "multipleItemRequestId", None
        )
        told.append((str(file.relative_to(file.parents[1])), read.kind, read.document))
    return told


def test_both_versions_tell_the_scenarios_in_the_same_words_once_they_are_read() -> None:
    differing = [
        (name, old, new)
        for (name, kind, old), (_, _, new) in zip(same_story("1.2"), same_story("2021-2"), strict=True)
        if _essence(kind, old) != _essence(kind, new)
    ]

    assert differing == []


def _essence(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    """Without what only one of the versions can say, or must."""
    told = json.loads(json.dumps(document))
    told.get("deliveryInfo", {}).pop("URL", None)
    if told.get("deliveryInfo", {}).keys() == {"dateSent"}:
        del told["deliveryInfo"]
    told.pop("retryInfo", None)
    return dict(told)


def test_the_later_version_has_costs_and_conditions_of_a_retry_apart_from_those_of_a_delivery() -> None:
    def told(name: str) -> tuple[list[str], list[str]]:
        root = etree.fromstring(documents.write(*every_message()[name], "2021-2"))
        names: dict[str, list[str]] = {}
        for group in ("retryInfo", "deliveryInfo"):
            found = root.iter("{" + SPACE + "}" + group)
            names[group] = [str(child.tag).rpartition("}")[2] for one in found for child in one]
        return names["retryInfo"], names["deliveryInfo"]

    retry, delivery = told("RetryPossible-True")
    assert retry == ["loanCondition", "loanCondition", "offeredCosts", "retryBefore", "retryAfter"]
    assert "deliveryCosts" not in delivery
    retry, delivery = told("WillSupply-True")
    assert retry == ["retryBefore", "retryAfter"]
    assert [name for name in delivery if name in ("loanCondition", "deliveryCosts")] == [
        "loanCondition",
        "loanCondition",
        "deliveryCosts",
    ]


def test_what_the_older_version_cannot_say_is_said_in_words() -> None:
    messages = every_message()

    def written(name: str) -> dict[str, Any]:
        return documents.read(documents.write(*messages[name], "1.2")).document

    assert (written("Lost")["action"], written("HoldReturn")["action"]) == ("Notification", "Notification")
    held = written("ReleaseHoldReturn-True")
    assert held["messageInfo"]["reasonForMessage"] == "Notification"
    assert held["messageInfo"]["note"].startswith("The item may be returned now.")
    assert held["statusInfo"]["status"] == "Loaned"
    request = written("request")
    assert request["serviceInfo"]["note"] == "Preferably the most recent edition. please"


@pytest.mark.parametrize(
    ("preferred", "any_edition"), [("AnyEdition", "Y"), ("MostRecentEdition", "Y"), ("ThisEdition", "N")]
)
def test_editions_are_mapped_both_ways(preferred: str, any_edition: str) -> None:
    later = message(
        f"<request><serviceInfo><preferredEdition>{preferred}</preferredEdition></serviceInfo></request>",
        version=' version="2021-2"',
    )
    service = {"serviceType": "Loan", "anyEdition": any_edition}
    read = documents.read(later).document["serviceInfo"]
    written = documents.read(documents.write("request", {"serviceInfo": service}, "2021-2")).document

    assert (read["preferredEdition"], read["anyEdition"]) == (preferred, any_edition)
    assert written["serviceInfo"]["preferredEdition"] == {"Y": "AnyEdition", "N": "ThisEdition"}[any_edition]


@pytest.mark.parametrize(
    ("file", "kind", "value"),
    [
        ("empty-request-id.xml", "UnrecognisedDataValue", "requestingAgencyRequestId"),
        ("unknown-action.xml", "UnsupportedActionType", "Reclaimed"),
        ("unknown-reason.xml", "UnsupportedReasonForMessageType", "MoodChange"),
        ("unknown-status.xml", "UnrecognisedDataValue", "status"),
        ("unknown-element.xml", "UnrecognisedDataElement", "shelfColour"),
    ],
)
def test_a_malformed_message_is_told_what_is_wrong_with_it(file: str, kind: str, value: str) -> None:
    told = documents.read(shared_data("iso18626", "malformed", file).read_bytes())

    assert told.flaw is not None
    assert (told.flaw.kind, told.flaw.value) == (kind, value)


@pytest.mark.parametrize("file", ["not-well-formed.xml", "wrong-root.xml"])
def test_what_is_no_message_is_not_read(file: str) -> None:
    with pytest.raises(NotXml):
        documents.read(shared_data("iso18626", "malformed", file).read_bytes())


def test_habits_of_real_peers_are_read() -> None:
    request, status, unfilled = (
        documents.read(shared_data("iso18626", "wild", file).read_bytes(), lenient=True)
        for file in (
            "iso18626_req_1.xml",
            "supplyingAgencyMessage_statusChange.xml",
            "unfilledNotification.xml",
        )
    )

    assert request.flaw is None  # version 1.0, no multipleItemRequestId
    assert request.document["serviceInfo"]["needBeforeDate"] == "2014-05-01T00:00:00+00:00"
    assert status.unknown == ("URL",)  # empty elements count as none
    assert "answerYesNo" not in status.document["messageInfo"]
    assert unfilled.document["statusInfo"]["status"] == "Unfilled"  # a plain version attribute


def message(inside: str, *, version: str = ' version="1.2"') -> bytes:
    return f'<ISO18626Message xmlns="{SPACE}"{version}>{inside}</ISO18626Message>'.encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no element found"),
        (b"<a>", "no element found"),
        (b"<a/><b/>", "junk"),
        (b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>', "document type"),
        (b"<a>&x;</a>", "undefined entity"),
        (b"<?php phpinfo() ?><a/>", "processing instruction"),
        (b'<?xml version="1.0" encoding="utf-99"?><a/>', "encoding"),
        (b"<a>\xff\xfe</a>", "not well-formed"),
        (b"<a>" * (DEPTH + 1) + b"</a>" * (DEPTH + 1), "within one another"),
        (b"<a>" + b"<b/>" * 6000 + b"</a>", "more than"),
        (b"\x00\x01", "not well-formed"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "body",
)
def test_dangerous_or_broken_xml_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(NotXml, match=said):
        read(body)


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (message("<request/>"), "BadlyFormedMessage: header"),
        (message("<request/>", version=' version="2030-1"'), "UnrecognisedDataValue: version"),
        (message("<request><header/></request>"), "BadlyFormedMessage: supplyingAgencyId"),
        (
            message("<requestingAgencyMessage><action>Renew</action><action>Renew</action></requestingAgencyMessage>"),
            "BadlyFormedMessage: action",
        ),
        (
            message(
                "<request><serviceInfo><needBeforeDate>soon</needBeforeDate></serviceInfo></request>", version=""
            ),
            "UnrecognisedDataValue: needBeforeDate",
        ),
        (
            message("<request><billingInfo><maximumCosts><monetaryValue>NaN</monetaryValue></maximumCosts>"
            "</billingInfo></request>"),
            "UnrecognisedDataValue: monetaryValue",
        ),
        (
            message(
                "<supplyingAgencyMessage><statusInfo><dueDate>9999-12-31T23:59:59.999Z</dueDate></statusInfo>"
                "</supplyingAgencyMessage>"
            ),
            "UnrecognisedDataValue: dueDate",
        ),
        (
            message(f"<request><header><requestingAgencyRequestId>{'9' * 201}</requestingAgencyRequestId>"
            "</header></request>"),
            "UnrecognisedDataValue: requestingAgencyRequestId",
        ),
    ],
    ids=["no-header", "later-version", "empty-header", "twice", "no-date", "no-number", "past-all-days", "long-id"],
)  # fmt: skip
def test_the_first_flaw_is_told(body: bytes, flaw: str) -> None:
    assert str(documents.read(body).flaw) == flaw


def test_an_element_of_another_namespace_is_unknown_and_two_messages_are_none() -> None:
    strange = message('<request><x:note xmlns:x="urn:x">1</x:note></request>')

    assert documents.read(strange).unknown == ("note",)
    assert documents.read(strange, lenient=True).flaw is not None
    for body in (message("<request/><request/>"), message(""), b"<ISO18626Message/>"):
        with pytest.raises(NotXml):
            documents.read(body)


def test_an_open_list_takes_any_word() -> None:
    body = message("<supplyingAgencyMessage><messageInfo><reasonUnfilled>Mouldy</reasonUnfilled></messageInfo>"
    "</supplyingAgencyMessage>")  # fmt: skip

    assert documents.read(body).document["messageInfo"]["reasonUnfilled"] == "Mouldy"


def test_money_keeps_its_places_and_is_never_rounded_down() -> None:
    assert [decimal(3500, "EUR"), decimal(35, "JPY"), decimal(5, "KWD")] == ["35.00", "35", "0.005"]
    assert [minor("35.00", "EUR"), minor("0.001", "EUR"), minor("35", "JPY")] == [3500, 1, 35]


def test_a_mistake_of_ours_is_not_sent() -> None:
    with pytest.raises(KeyError, match="header has no colour"):
        documents.write("request", {"header": {"colour": "red"}})
    assert set(MESSAGES) >= {"request", "requestConfirmation"}
