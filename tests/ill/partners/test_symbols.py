"""A library of several symbols, with branches: who is meant, as whom it is asked, and when a branch is passed over."""

import asyncio
import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.principal import Principal
from ill.partners.documents import PartnerIn
from ill.partners.rules import Branch, Calendar, branch_closed, branches_of
from ill.requests.rules import Candidate, skip_reason
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World, post

TODAY = NOW.date()
SHUT = ((TODAY, TODAY + timedelta(days=3)),)
LAW, MED = Branch(frozenset({"law"}), SHUT), Branch(frozenset({"med", "med annex"}))
OCLC = {"scheme": "OCLC", "symbol": "SUP", "preferred_for": ["messages", "slips"]}
LAWS = {"symbol": "XX-SUPA-LAW", "branch": "law"}
BRANCHES = [
    {"code": "law", "name": "Law", "locations": ["LAW"]},
    {"code": "med", "name": "Medicine", "locations": ["MED"]},
]


@pytest.mark.parametrize(
    ("location", "day", "closed"),
    [
        pytest.param(" Law ", TODAY, True, id="whatever its case"),
        pytest.param("LAW", TODAY + timedelta(days=3), True, id="the last day is closed"),
        pytest.param("LAW", TODAY + timedelta(days=4), False, id="open again"),
        pytest.param("MED", TODAY, False, id="another branch"),
        pytest.param("ELSEWHERE", TODAY, False, id="in no branch"),
        pytest.param(None, TODAY, False, id="nobody knows where"),
    ],
)
def test_a_branch_is_closed_on_days_of_its_own(location: str | None, day: date, closed: bool) -> None:
    assert branch_closed((LAW, MED), location, day) is closed


@pytest.mark.parametrize(
    ("places", "calendar", "reason"),
    [
        pytest.param([("LAW", None)], Calendar(), "branch-closed", id="all that has it is closed"),
        pytest.param([("LAW", None), ("MED", None)], Calendar(), None, id="another branch has it, too"),
        pytest.param([], Calendar(), None, id="nobody knows where it is"),
        pytest.param([("MED", None)], Calendar(closings=SHUT), "closed", id="the whole library"),
        pytest.param(
            [("LAW", None)],
            Calendar(closings=SHUT, reasons=("Spring cleaning",)),
            "closed: Spring cleaning",
            id="and why",
        ),
    ],
)
def test_the_rota_passes_over_what_is_closed_and_says_why(
    places: list[tuple[str, None]], calendar: Calendar, reason: str | None
) -> None:
    candidate = Candidate(UUID(int=1), "A", branches=(LAW, MED), calendar=calendar)

    assert skip_reason(candidate, "loan", now=NOW, places=places) == reason


def test_branches_are_read_as_the_directory_has_them() -> None:
    closings = [{"first": "2027-03-01", "last": "2027-03-04", "reason": None}]
    row = {"branches": [{"code": "law", "name": "Law", "locations": [" LAW "], "closings": closings}]}

    assert branches_of(row) == (LAW,)


async def test_a_closed_library_is_passed_over_and_the_next_one_is_asked(world: World, make: Make) -> None:
    day = NOW.date().isoformat()
    await world.other("XX-SUPA", rank=1, closings=[{"first": day, "last": day, "reason": "Stocktaking"}])
    other = await world.other("XX-SUPB", rank=2)

    request = await make.request()
    await world.deliver()

    assert (await make.rota(request))[0] == ("XX-SUPA", "skipped", "closed: Stocktaking")
    assert other.asked == ["New"]


async def test_a_library_is_entered_with_all_that_it_has(ill: Harness, make: Make) -> None:
    await ill.post("/v1/ill/networks", json={"code": "region", "name": "The region"})
    endpoints = [
        {"kind": "z3950", "address": "z3950://z.supa.test:210/main", "note": "no password"},
        {"kind": "mail", "address": "mailto:ill@supa.test", "note": None},
    ]
    closing = {"first": "2027-12-24", "last": "2028-01-02", "reason": "Christmas"}
    partner = await make.partner(
        symbols=[OCLC, LAWS],
        branches=[BRANCHES[0] | {"closings": [closing]}, BRANCHES[1]],
        endpoints=endpoints,
        networks=[{"network": "region"}],
    )
    await make.partner("XX-SUPB")

    read = await ill.get(f"/v1/ill/partners/{partner['id']}")
    found = [
        [one["name"] for one in (await ill.get(f"/v1/ill/partners?{query}")).json()["items"]]
        for query in ("symbol=sup", "symbol=xx-supa", "network=region", "network=none")
    ]
    body = {"name": "A", "symbol": "XX-SUPA", "symbols": [LAWS | {"branch": None}]}
    changed = await ill.put(
        f"/v1/ill/partners/{partner['id']}", json=body, headers={"If-Match": read.headers["etag"]}
    )

    assert [one["symbol"] for one in partner["symbols"]] == ["SUP", "XX-SUPA-LAW"]
    assert partner["branches"][0]["closings"] == [closing]
    assert (read.json(), partner["endpoints"]) == (partner, endpoints)
    assert found == [["Library XX-SUPA"]] * 3 + [[]]
    assert [one["symbol"] for one in changed.json()["symbols"]] == ["XX-SUPA-LAW"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbols": [OCLC, OCLC | {"symbol": "SUQ"}]},
        {"symbols": [{"symbol": "xx-a"}]},
        {"symbols": [LAWS]},
        {"symbols": [{"scheme": "urn:x", "symbol": "A"}]},
        {"branches": [BRANCHES[0], BRANCHES[0]]},
        {"branches": [BRANCHES[0] | {"closings": [{"first": "2027-02-02", "last": "2027-02-01"}]}]},
        {"endpoints": [{"kind": "opac", "address": "javascript:alert(1)"}]},
        {"endpoints": [{"kind": "opac", "address": "https://user:secret@supa.test/"}]},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_not_entered(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        PartnerIn.model_validate({"name": "A", "symbol": "XX-A"} | wrong)


async def test_no_two_libraries_share_a_symbol_and_each_that_is_taken_is_told(
    ill: Harness, make: Make
) -> None:
    await make.partner(symbols=[OCLC])
    body = {"name": "B", "symbol": "XX-B", "symbols": [{"symbol": "xx-supa"}, OCLC | {"symbol": "sup"}]}

    both = await ill.post("/v1/ill/partners", json=body)
    first = await ill.post("/v1/ill/partners", json={"name": "B", "symbol": "sup", "scheme": "oclc"})
    body["symbols"] = [{"symbol": "XX-NEW"}]
    at_once = await asyncio.gather(
        *(ill.post("/v1/ill/partners", json=body | {"symbol": f"XX-{n}"}) for n in range(4))
    )

    assert (both.status_code, codes(both)) == (409, ["partner-taken", "partner-taken"])
    assert pointers(both) == ["/symbols/0/symbol", "/symbols/1/symbol"]
    assert (first.status_code, pointers(first)) == (409, ["/symbol"])
    assert sorted(answer.status_code for answer in at_once) == [201, 409, 409, 409]


async def under(other: Other, scheme: str, symbol: str, body: bytes) -> str:
    """Say it under another symbol."""
    first = f"<agencyIdType>ISIL</agencyIdType><agencyIdValue>{other.symbol}</agencyIdValue>".encode()
    told = f"<agencyIdType>{scheme}</agencyIdType><agencyIdValue>{symbol}</agencyIdValue>".encode()
    assert first in body
    return await other.send(body.replace(first, told))


async def test_a_library_is_asked_by_the_symbol_it_prefers_and_answered_by_the_one_it_uses(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other(symbols=[OCLC, LAWS], branches=BRANCHES)
    request = await make.request()
    await world.deliver()
    asked = other.last["header"]["supplyingAgencyId"]
    told = [
        await other.says("WillSupply"),
        await under(other, "oclc", "sup", other.saying("Loaned", dueDate="2027-04-01T00:00:00+00:00")),
    ]
    await make.act(request, "receive")
    await world.deliver()
    received = other.last["header"]["supplyingAgencyId"]
    told += [
        await under(other, "isil", "xx-supa-law", other.asking("T1")),
        await other.asks("T1", serviceLevel="Rush"),
        await under(other, "ISIL", "XX-SUPA-LAW", other.doing("StatusRequest", "T1")),
        await under(other, "ISIL", "XX-SUPA-LAW", other.asking("T1", serviceLevel="Rush")),
    ]
    await world.deliver()

    lending = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    assert asked == received == {"agencyIdType": "OCLC", "agencyIdValue": "SUP"}
    assert told == ["OK"] * 5 + ["UnrecognisedDataValue requestingAgencyRequestId"]
    assert [(one["partners_request_id"], one["named"]) for one in lending] == [
        ("T1", None),
        ("T1", "ISIL:XX-SUPA-LAW"),
    ]
    assert other.last["header"]["requestingAgencyId"]["agencyIdValue"] == "XX-SUPA-LAW"
    rota = (await ill.get(f"/v1/ill/requests/{request['id']}/rota")).json()["items"]
    assert (rota[0]["symbol"], rota[0]["named"]) == ("XX-SUPA", "OCLC:SUP")


async def test_each_symbol_is_proved_by_its_own_library_alone(ill: Harness, world: World, make: Make) -> None:
    other, second = await world.other(symbols=[OCLC]), await world.other("XX-SUPB", client_id="c2")
    body = other.asking("T1").replace(b">ISIL<", b">OCLC<").replace(b">XX-SUPA<", b">SUP<")
    body = re.sub(rb"(<supplyingAgencyId><agencyIdType>)OCLC", rb"\1ISIL", body)
    forged = body.replace(other.code.encode(), second.code.encode())

    with ill.asking(None):
        told = [(await post(ill, one)).status_code for one in (forged, body)]
    by = Principal("client", "c2", frozenset({"ill:exchange"}))
    told.append((await post(ill, body, by=by)).status_code)

    assert told == [401, 200, 403]
