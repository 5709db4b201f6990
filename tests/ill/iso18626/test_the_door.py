"""`POST /iso18626`: who is let in, what is read, and that the same message twice changes nothing."""

import asyncio
import json
import re
from datetime import timedelta

from chassis.principal import Principal
from ill.iso18626 import documents
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import World, post
from support.shared_data import shared_data

DAY = timedelta(days=1)


async def counted(ill: Harness) -> tuple[int, int]:
    """Requests and messages kept."""
    row = await ill.resources.pool.fetchrow(
        "SELECT (SELECT count(*) FROM request) AS requests, (SELECT count(*) FROM message) AS messages"
    )
    assert row is not None
    return row["requests"], row["messages"]


async def test_what_is_no_message_is_told_so_and_nothing_is_kept(ill: Harness, world: World) -> None:
    await world.other()
    bomb = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    laughs = b'<!DOCTYPE a [<!ENTITY l0 "ha">' + laughs + b"]><a>&l9;</a>"
    outside = b'<!DOCTYPE a SYSTEM "http://169.254.169.254/a.dtd"><a/>'
    confirmation = documents.write("requestConfirmation", {"confirmationHeader": {"messageStatus": "OK"}})

    told = [
        await ill.get("/iso18626"),
        await post(ill, b"<a/>", kind="text/plain"),
        await post(ill, b"<" + b"a" * 100_001),
        await post(ill, b"<a>"),
        await post(ill, bomb),
        await post(ill, laughs),
        await post(ill, outside),
        await post(ill, b"<a>" * 30_000),
        await post(ill, b"<a>" + b" " * 10_000_000 + b"</a>"),
        await post(ill, confirmation),
        await post(ill, b""),
    ]

    assert [answer.status_code for answer in told] == [405, 415, 413] + [400] * 5 + [413, 400, 400]
    assert await counted(ill) == (0, 0)


async def test_a_well_formed_request_is_confirmed_with_what_it_said_of_itself(
    ill: Harness, world: World
) -> None:
    other = await world.other()

    assert await other.asks("T1") == "OK"

    (lending,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    assert (lending["state"], lending["partners_request_id"]) == ("new", "T1")
    (message,) = (await ill.get(f"/v1/ill/requests/{lending['id']}/messages")).json()["items"]
    head, asked = message["answer"]["confirmationHeader"], message["document"]["header"]
    assert head["timestampReceived"] == asked["timestamp"]
    assert head["requestingAgencyId"] == {"agencyIdType": "ISIL", "agencyIdValue": "XX-SUPA"}
    assert (head["requestingAgencyRequestId"], head["messageStatus"]) == ("T1", "OK")


async def test_neither_patrons_nor_secrets_of_partners_are_kept(ill: Harness, world: World) -> None:
    other = await world.other()
    await other.asks("T1")

    kept = await ill.resources.pool.fetchval("SELECT document::text || answer::text FROM message")

    assert not re.search(f"Doe|P-1|{re.escape(other.code)}", kept)


async def test_a_stranger_or_somebody_elses_key_is_not_let_in(ill: Harness, world: World, make: Make) -> None:
    other, second = await world.other("XX-SUPA", client_id="c1"), await world.other("XX-SUPB")
    body = other.saying("WillSupply", request_id="X")
    forged = body.replace(other.code.encode(), second.code.encode())
    bare = re.sub(b"<securityCode>.*</securityCode>", b"", body)

    told = [(await post(ill, one)).status_code for one in (forged, bare)]
    for principal in (
        Principal("client", "c1", frozenset({"ill:exchange"})),
        Principal("client", "c2", frozenset({"ill:exchange"})),
        Principal("client", "c1", frozenset({"titles:read"})),
        Principal("staff", "s", frozenset({"*"})),
    ):
        with ill.asking(principal):
            answer = await ill.client.post("/iso18626", content=bare, headers={"Content-Type": "text/xml"})
            told.append(answer.status_code)
    with ill.asking(Principal("client", "c1", frozenset({"ill:exchange"}))):
        body = second.saying("WillSupply", request_id="X")
        told.append(
            (
                await ill.client.post("/iso18626", content=body, headers={"Content-Type": "text/xml"})
            ).status_code
        )

    assert told == [401, 401, 200, 403, 403, 401, 403]


MALFORMED = {
    "empty-request-id.xml": "UnrecognisedDataValue requestingAgencyRequestId",
    "unknown-action.xml": "UnsupportedActionType Reclaimed",
    "unknown-reason.xml": "UnsupportedReasonForMessageType MoodChange",
    "unknown-status.xml": "UnrecognisedDataValue status",
    "unknown-element.xml": "UnrecognisedDataElement shelfColour",
}
"""What exactly; of a file that is added, what the data expects."""
ERRORS = (
    "UnsupportedActionType",
    "UnsupportedReasonForMessageType",
    "UnrecognisedDataElement",
    "UnrecognisedDataValue",
    "BadlyFormedMessage",
)
KEPT = """
SELECT md5((SELECT coalesce(string_agg(r::text, '' ORDER BY id), '') FROM request r) ||
    (SELECT coalesce(string_agg(e::text, '' ORDER BY id), '') FROM rota_entry e) ||
    (SELECT coalesce(string_agg(s::text, '' ORDER BY id), '') FROM step s) ||
    (SELECT count(*) FROM message WHERE state <> 'refused') || (SELECT count(*) FROM outbox))
"""


async def test_each_malformed_message_is_told_what_is_wrong_with_it_and_changes_nothing(
    ill: Harness, world: World, make: Make
) -> None:
    folder = shared_data("iso18626", "malformed")
    expected = json.loads((folder / "expected.json").read_text())
    supplier, borrower = await world.other("XX-SUPA", client_id="XX-SUPA"), "XX-REQ1"
    request = await make.request()
    await world.deliver()
    wire = supplier.last["header"]["requestingAgencyRequestId"].encode()
    await make.configure(agency={"symbol": "XX-SUPA"})
    asks = await world.other(borrower, client_id=borrower)
    assert await asks.send(asks.asking("M1").replace(b">XX-REQ1<", b">XX-SUPA<", 1)) == "OK"
    before = await ill.resources.pool.fetchval(KEPT)

    for file in sorted(folder.glob("*.xml")):
        body, says = file.read_bytes(), expected[file.name]
        supplying = b"<supplyingAgencyMessage>" in body
        await make.configure(agency={"symbol": borrower if supplying else "XX-SUPA"})
        body = body.replace(b">M1<", b">" + wire + b"<") if supplying else body
        by = Principal("client", "XX-SUPA" if supplying else borrower, frozenset({"ill:exchange"}))
        answer = await post(ill, body, by=by)
        if answer.status_code == 400:
            assert "HTTP 400" in says, file.name
            continue
        assert answer.status_code == 200, file.name
        told = documents.read(answer.content).document["errorData"]
        assert told["errorType"] in {error for error in ERRORS if error in says}, file.name
        said = f"{told['errorType']} {told['errorValue']}"
        assert MALFORMED.get(file.name, said) == said, file.name
        assert await ill.resources.pool.fetchval(KEPT) == before, file.name

    assert (await make.now(request))["state"] == "sent"


async def test_a_lenient_partner_may_say_more_than_the_standard_knows(ill: Harness, make: Make) -> None:
    await make.configure(agency={"symbol": "XX-SUPA"})
    await make.partner("XX-REQ1", client_id="c1", lenient=True)
    body = shared_data("iso18626", "malformed", "unknown-element.xml").read_bytes()

    with ill.asking(Principal("client", "c1", frozenset({"ill:exchange"}))):
        answer = await ill.client.post("/iso18626", content=body, headers={"Content-Type": "application/xml"})

    assert documents.read(answer.content).document["confirmationHeader"]["messageStatus"] == "OK"
    assert (await counted(ill))[0] == 1


async def test_the_same_request_twice_is_one_and_another_under_its_id_is_an_error(
    ill: Harness, world: World
) -> None:
    one, other = await world.other("XX-SUPA"), await world.other("XX-SUPB")

    told = [
        await one.asks("T1"),
        await one.asks("T1"),
        await one.asks("T1", serviceLevel="Rush"),
        await other.asks("T1"),
    ]

    assert told == ["OK", "OK", "UnrecognisedDataValue requestingAgencyRequestId", "OK"]
    assert (await counted(ill))[0] == 2


async def test_the_same_message_in_the_same_moment_is_taken_once(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    body = other.saying("WillSupply")

    with ill.asking(None):
        told = await asyncio.gather(*(other.send(body) for _ in range(4)))

    assert told == ["OK"] * 4
    assert (await make.steps(request)).count("supplier-will") == 1
    taken = await ill.resources.pool.fetchval("SELECT count(*) FROM message WHERE direction = 'in'")
    assert taken == 1


async def test_two_messages_in_the_same_moment_end_in_one_order_and_neither_is_lost(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()

    bodies = [other.saying("WillSupply"), other.saying("Loaned", dueDate=(NOW + 20 * DAY).isoformat())]
    with ill.asking(None):
        told = await asyncio.gather(*(other.send(body) for body in bodies))

    assert told == ["OK", "OK"]
    assert (await make.now(request))["state"] == "shipped"


async def test_messages_for_unknown_requests_and_other_libraries_are_errors(
    ill: Harness, world: World
) -> None:
    other = await world.other()
    elsewhere = other.saying("WillSupply", request_id="X").replace(b"XX-REQ1", b"XX-REQ9")

    told = [
        await other.says("WillSupply", request_id="X"),
        await other.does("Received", "X"),
        await other.asks("T9", requestType="Reminder"),
        await other.asks("T9", requestType="Retry", requestingAgencyPreviousRequestId="T8"),
        await other.send(elsewhere),
    ]

    assert told == [
        "UnrecognisedDataValue requestingAgencyRequestId",
        "UnrecognisedDataValue requestingAgencyRequestId",
        "UnrecognisedDataValue requestingAgencyRequestId",
        "UnrecognisedDataValue requestType",
        "UnrecognisedDataValue requestingAgencyId",
    ]
    assert (await counted(ill))[0] == 0


async def test_messages_past_keeping_are_forgotten_when_their_request_has_ended(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    ended, open_ = await make.request(), await make.request()
    await world.deliver()
    await other.says("Unfilled", request_id=f"{ended['number']}-1")
    await make.act(ended, "close", note="nobody has it")

    ill.at(NOW + 400 * DAY)
    await ill.tick("forget-messages")

    kept = await ill.resources.pool.fetch("SELECT DISTINCT request_id FROM message")
    assert [str(row["request_id"]) for row in kept] == [open_["id"]]
