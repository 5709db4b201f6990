"""Every configuration that was ever in force can be read, compared and put back."""

import asyncio
from typing import Any

import httpx

from chassis.principal import Principal
from contracts.circulation import CalendarChanged, RulesActivated
from support.desk import CONFIGURATION, Make, pointers
from support.harness import Harness

PATH = "/v1/configuration/circulation"
FOUR, ONE, HERE = CONFIGURATION["loan_policies"]
DESK = CONFIGURATION["service_points"][0]
TEXT = """\
* : loan=four-weeks fine=daily hold=usual
material_type = video : loan=one-week fine=daily hold=usual
loan_type = reference : loan=here-only fine=none hold=usual
"""


async def put_rules(circulation: Harness, text: str, query: str = "", **headers: str) -> httpx.Response:
    return await circulation.put(
        f"{PATH}/rules{query}", content=text.encode(), headers={"content-type": "text/plain", **headers}
    )


async def roll_back(
    circulation: Harness, version: int, *, present: int, query: str = "", key: str = ""
) -> Any:
    return await circulation.post(
        f"{PATH}/versions/{version}/roll-backs{query}",
        json={"comment": "as it was"},
        headers={"If-Match": f'"{present}"'},
        key=key or f"{version} {present} {query}",
    )


async def test_versions_are_listed_newest_first_and_read_one_by_one(circulation: Harness, make: Make) -> None:
    await circulation.put(
        f"{PATH}?comment=Longer",
        json=CONFIGURATION | {"loan_policies": [FOUR | {"name": "28 days"}, ONE, HERE]},
    )
    await make.configure()

    first = (await circulation.get(f"{PATH}/versions?limit=2")).json()
    rest = (await circulation.get(f"{PATH}/versions?limit=2&cursor={first['next_cursor']}")).json()
    second = (await circulation.get(f"{PATH}/versions/2")).json()

    told = [*first["items"], *rest["items"]]
    assert [(each["version"], each["in_force"]) for each in told] == [(3, True), (2, False), (1, False)]
    assert (told[1]["comment"], told[1]["how"], told[1]["applied_by"]) == (
        "Longer",
        "applied",
        "staff:test-desk",
    )
    assert rest["next_cursor"] is None
    assert second["document"]["loan_policies"][0]["name"] == "28 days"
    for unknown in ("4", "0", "-1", "99999999999999999999"):
        assert (await circulation.get(f"{PATH}/versions/{unknown}")).status_code == 404


async def test_two_versions_are_compared_entry_by_entry(circulation: Harness, make: Make) -> None:
    await make.configure(
        loan_policies=[FOUR | {"name": "28 days"}, ONE, HERE, {"code": "new", "name": "New"}],
        rules=CONFIGURATION["rules"][:2],
    )

    told = (await circulation.get(f"{PATH}/versions/1/differences/2")).json()
    back = (await circulation.get(f"{PATH}/versions/2/differences/1")).json()

    assert told["sections"]["loan_policies"] == {"added": ["new"], "changed": ["four-weeks"], "removed": []}
    entries = {entry["pointer"]: entry for entry in told["entries"]}
    assert entries["/loan_policies/four-weeks"]["before"]["name"] == "Four weeks"
    assert entries["/loan_policies/four-weeks"]["after"]["name"] == "28 days"
    assert entries["/loan_policies/new"]["before"] is None
    assert entries["/rules/line 3"]["after"] is None
    assert back["sections"]["loan_policies"]["removed"] == ["new"]
    assert (await circulation.get(f"{PATH}/versions/1/differences/3")).status_code == 404


async def test_a_version_is_rolled_back_to_as_a_new_one(circulation: Harness, make: Make) -> None:
    await make.configure(loan_policies=[FOUR | {"period": {"amount": 2, "unit": "day"}}, ONE, HERE])

    looked = await roll_back(circulation, 1, present=2, query="?dry_run=true")
    stale = await roll_back(circulation, 1, present=1)
    done = await roll_back(circulation, 1, present=2)
    again = await roll_back(circulation, 1, present=2)
    loan = await make.loan(await make.patron(), await make.item())

    assert (looked.json()["applied"], looked.json()["version"]) == (False, 2)
    assert (stale.status_code, done.status_code, again.status_code) == (412, 200, 200)
    assert (done.json()["version"], again.json()) == (3, done.json())
    assert (loan["rules_version"], loan["due_at"]) == (3, "2027-03-29T21:59:59Z")
    newest = (await circulation.get(f"{PATH}/versions/3")).json()
    assert (newest["how"], newest["comment"]) == ("rolled-back", "To version 1: as it was")


async def test_a_version_that_lacks_what_is_now_in_use_is_not_rolled_back_to(
    circulation: Harness, make: Make
) -> None:
    added = {"code": "guest", "name": "Guests"}
    await make.configure(patron_groups=[*CONFIGURATION["patron_groups"], added])
    await make.patron(group="guest")

    answer = await roll_back(circulation, 1, present=2)

    assert (answer.status_code, pointers(answer)) == (422, ["/patron_groups"])


async def test_whoever_says_which_version_they_replace_replaces_no_other(
    circulation: Harness, make: Make
) -> None:
    changed = [
        CONFIGURATION | {"loan_policies": [FOUR | {"name": f"{number} weeks"}, ONE, HERE]}
        for number in range(8)
    ]

    answers = await asyncio.gather(
        *(circulation.put(PATH, json=each, headers={"If-Match": '"1"'}) for each in changed)
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert [event.version for event in await circulation.announced(RulesActivated)] == [1, 2]


async def test_versions_follow_one_another_without_gaps_however_many_write(
    circulation: Harness, make: Make
) -> None:
    changed = [{"loan_policies": [FOUR | {"name": f"{number} weeks"}, ONE, HERE]} for number in range(8)]

    await asyncio.gather(*(make.configure(**each) for each in changed))

    events = await circulation.announced(RulesActivated)
    assert [(event.version, event.rules_version) for event in events] == [(n, n) for n in range(1, 10)]
    assert {event.sections for event in events[1:]} == {("loan_policies",)}


async def test_a_changed_calendar_is_told_of_for_its_desk_alone(circulation: Harness, make: Make) -> None:
    changed = DESK | {"calendar": DESK["calendar"] | {"exceptions": {"2027-05-01": []}}}
    await make.configure(service_points=[changed, CONFIGURATION["service_points"][1]])
    await make.configure()

    events = [e for e in await circulation.announced(CalendarChanged) if e.code == "main-desk"]

    assert [event.version for event in events] == [1, 2, 3]
    assert {event.service_point_id for event in events} == {make.desks["main-desk"]}
    law = [e.version for e in await circulation.announced(CalendarChanged) if e.code == "law-desk"]
    assert law == [1]


async def test_the_rules_are_read_and_written_as_lines(circulation: Harness, make: Make) -> None:
    read = await circulation.get(f"{PATH}/rules")
    written = await put_rules(
        circulation,
        read.text + "# For the map room\nmaterial_type = map : loan=here-only fine=none hold=usual\n",
        **{"If-Match": read.headers["etag"]},
    )
    stale = await put_rules(circulation, read.text, **{"If-Match": read.headers["etag"]})

    assert read.text == TEXT
    assert read.headers["content-type"] == "text/plain; charset=utf-8"
    assert (written.json()["version"], written.json()["sections"]["rules"]["added"]) == (2, ["line 4"])
    assert stale.status_code == 412
    rules = (await circulation.get(PATH)).json()["rules"]
    assert (rules[3]["note"], rules[3]["when"]) == ("For the map room", {"material_type": ["map"]})
    assert (await circulation.get(f"{PATH}/rules?version=1")).text == TEXT


async def test_every_mistake_in_the_lines_is_told_by_line_and_column(
    circulation: Harness, make: Make
) -> None:
    unreadable = await put_rules(circulation, "*\ncolour red : loan=x\n")
    unsound = await put_rules(
        circulation,
        "# No fallback\nmaterial_type = video & colour = red : loan=forgotten fine=daily hold=usual\n",
    )

    assert (unreadable.status_code, unsound.status_code) == (422, 422)
    assert pointers(unreadable) == ["1:2", "2:8"]
    told = {reason["code"]: reason["pointer"] for reason in unsound.json()["reasons"]}
    assert told == {"policy-unknown": "2:45", "criterion-unknown": "2:25", "fallback-missing": "1:1"}
    assert (await circulation.get(f"{PATH}/rules")).text == TEXT


async def test_lines_that_are_no_text_are_refused(circulation: Harness, make: Make) -> None:
    json = await circulation.put(f"{PATH}/rules", json=TEXT)
    latin = await circulation.put(f"{PATH}/rules", content=b"\xff", headers={"content-type": "text/plain"})
    nul = await put_rules(circulation, TEXT + "# \0")
    huge = await put_rules(circulation, "#" * (4 * 1024 * 1024 + 1))

    assert [answer.status_code for answer in (json, latin, nul, huge)] == [415, 422, 422, 413]


async def test_a_document_that_is_sound_but_odd_is_taken_with_warnings(
    circulation: Harness, make: Make
) -> None:
    answer = await make.configure(loan_policies=[FOUR | {"name": "3 months"}, ONE, HERE])

    assert answer.status_code == 200
    assert [(each["code"], each["pointer"]) for each in answer.json()["warnings"]] == [
        ("name-tells-another-period", "/loan_policies/0/name")
    ]


async def test_only_who_may_read_the_configuration_reads_its_past(circulation: Harness, make: Make) -> None:
    with circulation.asking(Principal("staff", "x", frozenset({"loans:create"}))):
        answers = [
            await circulation.get(f"{PATH}{path}")
            for path in ("/versions", "/versions/1", "/versions/1/differences/1", "/rules", "/drafts")
        ]
    with circulation.asking(Principal("staff", "x", frozenset({"configuration:read"}))):
        answers += [await put_rules(circulation, TEXT), await roll_back(circulation, 1, present=1)]

    assert [answer.status_code for answer in answers] == [403] * 7
