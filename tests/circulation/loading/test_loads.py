"""A campus file is taken up: once, twice, in parts, with faults, and not at all."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from circulation.loading.worker import SLICE, forget_loads, work_once
from contracts.circulation import PatronCreated, PatronUpdated
from support.desk import NOW, Make, codes, pointers
from support.harness import Harness

PROFILE: dict[str, Any] = {
    "code": "campus",
    "name": "Campus",
    "groups": {"STU": "student", "GUEST": "visitor"},
}
ADA = {"external_id": "u1", "group": "STU", "family_name": "Lovelace", "email": "ada@example.org"}
BOB = {"external_id": "u2", "group": "GUEST", "family_name": "Babbage", "barcode": "B 2"}


async def profiled(make: Make, **more: Any) -> None:
    answer = await make.configure(load_profiles=[PROFILE | more])
    assert answer.status_code == 200, answer.text


def lined(*patrons: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in patrons)


async def sent(
    circulation: Harness, content: bytes, *, kind: str = "application/x-ndjson", **more: Any
) -> Any:
    return await circulation.post(
        "/v1/patron-loads",
        content=content,
        headers={"Content-Type": kind},
        params={"profile": "campus"} | more.pop("params", {}),
        **more,
    )


async def worked(circulation: Harness) -> None:
    while await work_once(circulation.resources):
        pass


async def loaded(circulation: Harness, content: bytes, **more: Any) -> dict[str, Any]:
    """A file, taken up to its end."""
    answer = await sent(circulation, content, **more)
    assert answer.status_code == 202, answer.text
    await worked(circulation)
    told: dict[str, Any] = (await circulation.get(answer.headers["location"])).json()
    return told


async def by_external_id(circulation: Harness, external_id: str) -> dict[str, Any]:
    (found,) = (await circulation.get("/v1/patrons", params={"external_id": external_id})).json()["items"]
    patron: dict[str, Any] = found
    return patron


async def test_the_same_file_again_changes_nothing_and_tells_nothing(
    circulation: Harness, make: Make
) -> None:
    await profiled(make)
    present = await make.patron(external_id="u1", family_name="Byron")

    first = await loaded(circulation, lined(ADA, BOB))
    told = len(await circulation.envelopes())
    second = await loaded(circulation, lined(ADA, BOB))

    assert (first["state"], first["counts"]) == (
        "finished",
        {"created": 1, "updated": 1, "unchanged": 0, "rejected": 0},
    )
    assert second["counts"] == {"created": 0, "updated": 0, "unchanged": 2, "rejected": 0}
    assert (first["lines"], first["done"], second["done"]) == (2, 2, 2)
    assert len(await circulation.envelopes()) == told
    ada, bob = [await by_external_id(circulation, each) for each in ("u1", "u2")]
    assert (ada["id"], ada["family_name"], ada["version"]) == (present["id"], "Lovelace", 2)
    assert (bob["group"], bob["barcode"]) == ("visitor", "B 2")
    (updated,) = await circulation.announced(PatronUpdated)
    assert (updated.version, set(updated.changed)) == (2, {"family_name", "email"})
    assert [str(each.patron_ref) for each in await circulation.announced(PatronCreated)][-1] == bob["id"]


async def test_a_csv_file_is_taken_like_json_lines(circulation: Harness, make: Make) -> None:
    await profiled(make)
    header = b"external_id,family_name,given_name,group\r\n"
    content = header + b'u1,"Lovelace, Countess",,STU\r\nu2,Babbage,Charles,GUEST\r\n'

    load = await loaded(circulation, content, kind="text/csv; charset=utf-8")

    assert load["counts"]["created"] == 2
    assert (await by_external_id(circulation, "u1"))["family_name"] == "Lovelace, Countess"


async def test_lines_that_cannot_be_taken_say_why_and_are_given_back_to_be_mended(
    circulation: Harness, make: Make
) -> None:
    await profiled(make)
    await make.patron(barcode="TAKEN")
    wrong = [
        {"external_id": "u3", "family_name": "Nobody", "group": "WIZARD", "barcode": "TAKEN"},
        {"external_id": "u4"},
        BOB | {"external_id": "u5"},
    ]
    content = lined(BOB, *wrong) + b"nonsense\n"

    load = await loaded(circulation, content)
    outcomes = (
        await circulation.get(f"/v1/patron-loads/{load['id']}/outcomes", params={"outcome": "rejected"})
    ).json()["items"]
    errors = await circulation.get(f"/v1/patron-loads/{load['id']}/errors")

    assert (load["state"], load["counts"]["created"], load["counts"]["rejected"]) == (
        "finished-with-errors",
        1,
        4,
    )
    assert [(each["line"], [r["code"] for r in each["reasons"]]) for each in outcomes] == [
        (2, ["group-unknown", "identifier-taken"]),
        (3, ["value-missing", "value-missing"]),
        (4, ["identifier-taken"]),
        (5, ["line-unreadable"]),
    ]
    assert errors.content == lined(*wrong) + b"nonsense\n"
    kept = await circulation.resources.pool.fetchval(
        "SELECT count(*) FROM patron_load_line WHERE told IS NOT NULL"
    )
    assert kept == 4


async def test_errors_of_a_csv_file_come_with_its_header(circulation: Harness, make: Make) -> None:
    await profiled(make)

    load = await loaded(circulation, b"external_id,group\nu1,STU\n", kind="text/csv")
    errors = await circulation.get(f"/v1/patron-loads/{load['id']}/errors")

    assert errors.content == b"external_id,group\nu1,STU\n"
    assert errors.headers["content-type"].startswith("text/csv")


async def test_what_the_library_keeps_for_itself_no_file_changes(circulation: Harness, make: Make) -> None:
    await profiled(make, library_wins=["email", "active"])
    await loaded(circulation, lined(ADA))
    ada = await by_external_id(circulation, "u1")
    own = {"email": "own@example.org", "active": False}
    await circulation.patch(f"/v1/patrons/{ada['id']}", json=own, headers={"If-Match": '"1"'})

    again = await loaded(circulation, lined(ADA | {"given_name": "Ada"}))
    after = await by_external_id(circulation, "u1")

    assert again["counts"]["updated"] == 1
    assert (after["email"], after["active"], after["given_name"]) == ("own@example.org", False, "Ada")


async def test_a_dry_run_tells_what_would_be_and_writes_nothing(circulation: Harness, make: Make) -> None:
    await profiled(make)
    await make.patron(external_id="u1", family_name="Byron")
    told = len(await circulation.envelopes())

    load = await loaded(circulation, lined(ADA, BOB), params={"dry_run": True})
    outcomes = (await circulation.get(f"/v1/patron-loads/{load['id']}/outcomes")).json()["items"]

    assert load["counts"] == {"created": 1, "updated": 1, "unchanged": 0, "rejected": 0}
    assert sorted(outcomes[0]["changed"]) == ["email", "family_name"]
    assert (await by_external_id(circulation, "u1"))["family_name"] == "Byron"
    assert (await circulation.get("/v1/patrons", params={"external_id": "u2"})).json()["items"] == []
    assert len(await circulation.envelopes()) == told


async def test_who_is_missing_is_deactivated_only_when_asked_for_and_only_a_few(
    circulation: Harness, make: Make
) -> None:
    everybody = [BOB | {"external_id": f"u{n}", "barcode": f"B {n}"} for n in range(20)]
    await profiled(make)
    bystander = await make.patron(external_id="elsewhere")
    await loaded(circulation, lined(*everybody))
    ignored = await loaded(circulation, lined(*everybody[1:]))
    await profiled(make, deactivate_missing=True, safety_percent=5)

    half = await loaded(circulation, lined(*everybody[10:]))
    dry = await loaded(circulation, lined(*everybody[1:]), params={"dry_run": True})
    garbled = await loaded(circulation, lined(*everybody[1:]) + b"garbled\n")
    before = len(await circulation.announced(PatronUpdated))
    done = await loaded(circulation, lined(*everybody[1:]))
    again = await loaded(circulation, lined(*everybody[1:]))

    assert [each["deactivated"] for each in (ignored, half, dry, garbled, done, again)] == [0, 0, 1, 0, 1, 0]
    assert (half["state"], done["state"]) == ("finished-with-errors", "finished")
    assert "10 of 20" in half["error"]
    assert "external_id" in garbled["error"]
    assert before == 0
    (told,) = await circulation.announced(PatronUpdated)
    gone = await by_external_id(circulation, "u0")
    assert (str(told.patron_ref), told.version, told.changed) == (gone["id"], 2, ("active",))
    assert gone["active"] is False
    assert (await by_external_id(circulation, "elsewhere"))["id"] == bystander["id"]
    assert (await by_external_id(circulation, "elsewhere"))["active"] is True


async def test_who_comes_back_is_active_again(circulation: Harness, make: Make) -> None:
    await profiled(make, deactivate_missing=True, safety_percent=50)
    await loaded(circulation, lined(ADA, BOB))
    await loaded(circulation, lined(BOB))

    gone = (await by_external_id(circulation, "u1"))["active"]
    await loaded(circulation, lined(ADA, BOB))

    assert (gone, (await by_external_id(circulation, "u1"))["active"]) == (False, True)


async def test_a_load_goes_on_behind_its_last_slice_and_two_workers_do_no_line_twice(
    circulation: Harness, make: Make
) -> None:
    await profiled(make)
    many = [ADA | {"external_id": f"u{n}"} for n in range(2 * SLICE + 50)]
    path = (await sent(circulation, lined(*many))).headers["location"]

    await work_once(circulation.resources)
    half = (await circulation.get(path)).json()
    await asyncio.gather(*(worked(circulation) for _ in range(3)))
    await worked(circulation)
    whole = (await circulation.get(path)).json()

    assert (half["state"], half["done"], half["counts"]["created"]) == ("running", SLICE, SLICE)
    assert (whole["state"], whole["counts"]["created"]) == ("finished", len(many))
    assert len(await circulation.announced(PatronCreated)) == len(many)


async def test_a_cancelled_load_stops_and_keeps_what_is_done(circulation: Harness, make: Make) -> None:
    await profiled(make)
    many = [ADA | {"external_id": f"u{n}"} for n in range(SLICE + 1)]
    path = (await sent(circulation, lined(*many))).headers["location"]
    await work_once(circulation.resources)

    asked = await circulation.post(f"{path}/cancellations")
    await worked(circulation)
    load = (await circulation.get(path)).json()
    again = await circulation.post(f"{path}/cancellations")
    unknown = await circulation.post(f"/v1/patron-loads/{make.desk}/cancellations")

    assert (asked.status_code, load["state"], load["done"]) == (202, "cancelled", SLICE)
    assert len(await circulation.announced(PatronCreated)) == SLICE
    assert (again.status_code, unknown.status_code) == (409, 404)
    assert not await circulation.resources.pool.fetchval(
        "SELECT EXISTS (SELECT FROM patron_load_line WHERE told IS NOT NULL)"
    )


async def test_one_line_after_another_about_the_same_patron_is_taken_in_order(
    circulation: Harness, make: Make
) -> None:
    await profiled(make)

    load = await loaded(circulation, lined(ADA, ADA | {"given_name": "Ada"}, ADA | {"given_name": "Ada"}))

    assert load["counts"] == {"created": 1, "updated": 1, "unchanged": 1, "rejected": 0}
    ada = await by_external_id(circulation, "u1")
    assert (ada["given_name"], ada["version"]) == ("Ada", 2)
    assert [each.version for each in await circulation.announced(PatronUpdated)] == [2]


@pytest.mark.parametrize(
    ("content", "kind", "params", "status", "code"),
    [
        (b"", "application/x-ndjson", {}, 422, "empty-body"),
        (b"\n\n", "application/x-ndjson", {}, 422, "empty-body"),
        (b"external_id\n", "text/csv", {}, 422, "empty-body"),
        (b"name,external_id\nx,y\n", "text/csv", {}, 422, "column-unknown"),
        (b"{}", "application/x-ndjson", {"profile": "nobody"}, 422, "load-profile-unknown"),
        (b"<x/>", "application/xml", {}, 415, None),
    ],
)
async def test_a_file_that_cannot_be_taken_leaves_nothing_behind(
    circulation: Harness,
    make: Make,
    content: bytes,
    kind: str,
    params: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    await profiled(make)

    answer = await sent(circulation, content, kind=kind, params=params)

    assert answer.status_code == status
    if code is not None:
        assert codes(answer) == [code]
    assert (await circulation.get("/v1/patron-loads")).json()["items"] == []
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM patron_load") == 0


async def test_a_file_sent_twice_with_one_key_is_one_load(circulation: Harness, make: Make) -> None:
    await profiled(make)

    first, second = [await sent(circulation, lined(ADA), key="tonight") for _ in range(2)]
    other = await sent(circulation, lined(BOB), key="tonight")

    assert first.json()["id"] == second.json()["id"]
    assert other.status_code == 422
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM patron_load") == 1


async def test_nothing_of_a_file_stands_in_events_or_logs(
    circulation: Harness, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    await profiled(make)
    caplog.set_level("DEBUG", logger="circulation")
    canary = {
        "external_id": "CANARY-1",
        "group": "STU",
        "family_name": "CANARY-2",
        "given_name": "CANARY-3",
        "email": "CANARY-4@example.org",
        "barcode": "CANARY-5",
    }

    await loaded(
        circulation, lined(canary, canary | {"given_name": "CANARY-6"}, canary | {"email": "CANARY"})
    )
    outcomes = (await circulation.get("/v1/patrons", params={"barcode": "CANARY-5"})).json()["items"]

    assert len(outcomes) == 1
    assert "CANARY" not in "".join(each.model_dump_json() for each in await circulation.envelopes())
    assert "CANARY" not in caplog.text
    reasons = await circulation.resources.pool.fetchval(
        "SELECT string_agg(reasons::text, '') FROM patron_load_line"
    )
    assert "CANARY" not in reasons


async def test_a_load_is_forgotten_after_a_month_with_every_word(circulation: Harness, make: Make) -> None:
    await profiled(make)
    load = await loaded(circulation, lined(ADA) + b"garbled\n")

    await forget_loads(circulation.resources, NOW + timedelta(days=29))
    kept = await circulation.get(f"/v1/patron-loads/{load['id']}")
    await forget_loads(circulation.resources, NOW + timedelta(days=31))
    gone = await circulation.get(f"/v1/patron-loads/{load['id']}")

    assert (kept.status_code, gone.status_code) == (200, 404)
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM patron_load_line") == 0


async def test_a_profile_maps_to_groups_that_there_are(circulation: Harness, make: Make) -> None:
    answer = await make.configure(load_profiles=[PROFILE | {"groups": {"A/B": "wizard"}}])

    assert (answer.status_code, pointers(answer)) == (422, ["/load_profiles/0/groups/A~1B"])


WHOLE: dict[str, Any] = {
    "preferred_name": "Addie",
    "name_forms": [{"script": "Cyrl", "family_name": "Лавлейс", "given_name": "Ада"}],
    "addresses": [{"kind": "term", "lines": ["12 Square"], "valid_from": "2026-10-01"}],
    "phones": [{"kind": "home", "number": "+44 20"}],
    "identifiers": [{"kind": "student-number", "value": "S1"}, {"kind": "orcid", "value": "0000-1"}],
    "statistics": {"faculty": "arts"},
    "language": "EN-gb",
    "birth_on": "2005-12-10",
}
REGISTRATION = {"birth_date": True, "statistics": [{"code": "faculty", "name": "Faculty"}]}


async def test_a_file_tells_addresses_identifiers_and_names_and_again_changes_nothing(
    circulation: Harness, make: Make
) -> None:
    await make.configure(
        load_profiles=[PROFILE | {"library_wins": ["addresses", "statistics"]}], registration=REGISTRATION
    )
    moved = WHOLE | {
        "addresses": [],
        "identifiers": WHOLE["identifiers"][:1],
        "statistics": {"faculty": None},
        "preferred_name": None,
    }

    first = await loaded(circulation, lined(ADA | WHOLE))
    ada = await by_external_id(circulation, "u1")
    again = await loaded(circulation, lined(ADA | WHOLE))
    later = await loaded(circulation, lined(ADA | moved))
    after = await by_external_id(circulation, "u1")
    found = (await circulation.get("/v1/patrons", params={"name": "лав ада"})).json()["items"]
    (event,) = await circulation.announced(PatronUpdated)

    assert [each["counts"]["rejected"] for each in (first, again, later)] == [0, 0, 0]
    assert (ada["language"], ada["birth_on"], ada["statistics"]) == (
        "en-GB",
        "2005-12-10",
        {"faculty": "arts"},
    )
    assert sorted(each["value"] for each in ada["identifiers"]) == ["0000-1", "S1"]
    assert (again["counts"]["unchanged"], later["counts"]["updated"]) == (1, 1)
    assert (after["addresses"], after["statistics"]) == (ada["addresses"], ada["statistics"])
    assert [each["value"] for each in after["identifiers"]] == ["S1"]
    assert set(event.changed) == {"identifiers", "preferred_name"}
    assert [each["id"] for each in found] == [ada["id"]]


async def test_a_csv_cell_holds_a_list_as_json(circulation: Harness, make: Make) -> None:
    await profiled(make)
    content = (
        b"external_id,family_name,group,phones,identifiers\r\n"
        b'u1,Lovelace,STU,"[{""kind"": ""home"", ""number"": ""030 1""}]",\r\n'
        b"u2,Babbage,STU,no list,\r\n"
    )

    load = await loaded(circulation, content, kind="text/csv")

    assert (load["counts"]["created"], load["counts"]["rejected"]) == (1, 1)
    assert (await by_external_id(circulation, "u1"))["phones"][0]["number"] == "030 1"


async def test_numbers_that_are_anothers_or_make_no_sense_reject_the_line_with_every_reason(
    circulation: Harness, make: Make
) -> None:
    await profiled(make)
    holder = await make.patron(barcode="GONE", identifiers=[{"kind": "orcid", "value": "0000-1"}])
    headers = {"If-Match": '"1"'}
    await circulation.patch(f"/v1/patrons/{holder['id']}", json={"barcode": "HERE"}, headers=headers)

    load = await loaded(circulation, lined(ADA | WHOLE | {"barcode": "GONE"}))
    outcome = (await circulation.get(f"/v1/patron-loads/{load['id']}/outcomes")).json()["items"][0]

    assert [(reason["code"], reason["pointer"]) for reason in outcome["reasons"]] == [
        ("identifier-taken", "/barcode"),
        ("identifier-taken", "/identifiers/1"),
        ("not-kept", "/birth_on"),
        ("category-unknown", "/statistics/faculty"),
    ]


async def test_a_card_that_the_campus_replaces_is_remembered(circulation: Harness, make: Make) -> None:
    await profiled(make)

    for barcode in ("B 1", "B 2", "B 1"):
        await loaded(circulation, lined(BOB | {"barcode": barcode}))
    bob = await by_external_id(circulation, "u2")

    assert (bob["barcode"], [card["barcode"] for card in bob["former_cards"]]) == ("B 1", ["B 2"])


async def test_a_file_that_tells_of_a_merged_registration_changes_nothing_and_deactivates_nobody(
    circulation: Harness, make: Make
) -> None:
    await make.configure(load_profiles=[PROFILE | {"deactivate_missing": True, "safety_percent": 100}])
    lines = [{"external_id": f"u{n}", "group": "STU", "family_name": f"N{n}"} for n in range(3)]
    await loaded(circulation, lined(*lines))
    new, old, gone = (await circulation.get("/v1/patrons")).json()["items"]
    await circulation.post(f"/v1/patrons/{new['id']}/merges", json={"merged": [old["id"]]})

    load = await loaded(circulation, lined(lines[1]))
    outcome = (await circulation.get(f"/v1/patron-loads/{load['id']}/outcomes")).json()["items"][0]
    active = {each["id"]: each["active"] for each in (await circulation.get("/v1/patrons")).json()["items"]}

    assert (load["counts"]["unchanged"], outcome["reasons"][0]["code"]) == (1, "patron-merged")
    assert outcome["patron_id"] == new["id"]
    assert active == {new["id"]: True, gone["id"]: False}
