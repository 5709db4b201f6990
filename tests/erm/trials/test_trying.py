"""Trials through the front door: set up, told about, extended, bought; people are heard once each and unnamed."""

import asyncio
import json
from typing import Any

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from support.desk import codes
from support.harness import Harness
from support.licensing import NOW, Shelf, shelf

QUESTIONS = [
    {"key": "useful", "text": "How useful is it?", "required": True},
    {"key": "again", "text": "Would you use it again?", "kind": "yes-no"},
]
TRIAL = {
    "name": "Riverbase, a month of it",
    "status": "running",
    "starts_on": "2027-02-15",
    "ends_on": "2027-03-14",
    "feedback_until": "2027-03-31",
    "access_url": "https://riverbase.example/trial",
    "contacts": [{"name": "Ms Rivers", "email": "rivers@p.example"}],
    "questions": QUESTIONS,
}


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    erm.at(NOW)
    return await shelf(erm)


def patron() -> Principal:
    who = uuid7()
    return Principal("patron", str(who), frozenset({"account:own"}), patron_id=who)


async def say(erm: Harness, trial: dict[str, Any], by: Principal, **body: Any) -> Any:
    with erm.asking(by):
        return await erm.put(f"/v1/trials/{trial['id']}/feedback", json=body)


async def test_a_trial_is_run_extended_and_bought_and_every_decision_is_kept(
    erm: Harness, make: Shelf
) -> None:
    trial = await make.post("/v1/trials", TRIAL | {"package_id": str((await make.listed()).package)})
    path = f"/v1/trials/{trial['id']}"
    agreement = await make.agreement()

    early = await erm.put(path, json=TRIAL | {"status": "set-up"}, headers={"If-Match": '"1"'})
    extended = await make.post(
        f"{path}/decisions",
        {"decision": "extend", "reason": "Term break", "ends_on": "2027-04-30"},
        expect=200,
    )
    wrong = await erm.post(
        f"{path}/decisions", json={"decision": "drop", "reason": "x", "agreement_id": agreement["id"]}
    )
    bought = await make.post(
        f"{path}/decisions",
        {"decision": "buy", "reason": "Much used", "agreement_id": agreement["id"]},
        expect=200,
    )
    again = await erm.post(f"{path}/decisions", json={"decision": "drop", "reason": "No"})

    assert codes(early) == ["trial-move-unknown"]
    assert (extended["status"], extended["ends_on"], extended["feedback_until"]) == (
        "running",
        "2027-04-30",
        "2027-04-30",
    )
    assert (codes(wrong), codes(again)) == (["agreement-unexpected"], ["trial-decided"])
    assert (bought["status"], bought["decision"], bought["agreement_id"]) == (
        "decided",
        "buy",
        agreement["id"],
    )
    assert [(one["decision"], one["reason"], one["on"]) for one in bought["decisions"]] == [
        ("extend", "Term break", "2027-03-01"),
        ("buy", "Much used", "2027-03-01"),
    ]
    assert [one["id"] for one in (await erm.get("/v1/trials?status=decided")).json()["items"]] == [
        trial["id"]
    ]


async def test_readers_are_heard_once_each_and_nobody_can_tell_who_they_were(
    erm: Harness, make: Shelf
) -> None:
    trial = await make.post("/v1/trials", TRIAL | {"for_readers": True})
    readers = [patron() for _ in range(3)]

    await asyncio.gather(
        *(erm.put(f"/v1/trials/{trial['id']}/feedback", json={"answers": {"useful": 3}}) for _ in range(3))
    )
    for reader, rating in zip(readers, (5, 4, 2), strict=True):
        assert (
            await say(erm, trial, reader, answers={"useful": rating, "again": rating > 3})
        ).status_code == 200
    changed = await say(erm, trial, readers[2], answers={"useful": 5}, comment="It grew on me")
    with erm.asking(readers[0]):
        form = (await erm.get(f"/v1/trials/{trial['id']}/form")).json()
        spied = await erm.get(f"/v1/trials/{trial['id']}/feedback")
    told = (await erm.get(f"/v1/trials/{trial['id']}/summary")).json()
    every = (await erm.get(f"/v1/trials/{trial['id']}/feedback")).json()["items"]

    assert (changed.json()["comment"], form["open"], form["access_url"]) == (
        "It grew on me",
        True,
        "https://riverbase.example/trial",
    )
    assert "contacts" not in form
    assert spied.status_code == 403
    assert (told["staff"], told["patrons"], told["comments"]) == (1, 3, 1)
    assert (told["questions"][0]["mean"], told["questions"][1]["counts"]) == (4.25, {"yes": 2, "no": 0})
    kept = json.dumps(every) + str(
        [dict(row) for row in await erm.resources.pool.fetch("SELECT * FROM trial_feedback")]
    )
    assert not any(reader.ref in kept for reader in readers)
    form_changed = await erm.put(
        f"/v1/trials/{trial['id']}", json=TRIAL | {"questions": []}, headers={"If-Match": '"1"'}
    )
    assert codes(form_changed) == ["form-answered"]


async def test_what_is_not_for_readers_is_not_there_for_them_and_late_words_are_refused(
    erm: Harness, make: Shelf
) -> None:
    hidden = await make.post("/v1/trials", TRIAL)
    over = await make.post(
        "/v1/trials", TRIAL | {"for_readers": True, "ends_on": "2027-02-20", "feedback_until": "2027-02-28"}
    )
    reader = patron()

    unseen = await say(erm, hidden, reader, answers={"useful": 3})
    late = await say(erm, over, reader, answers={"useful": 3})
    unfit = await erm.put(f"/v1/trials/{hidden['id']}/feedback", json={"answers": {"useful": 9, "who": 1}})
    unknown = await erm.post("/v1/trials", json=TRIAL | {"package_id": str(uuid7())})

    assert unseen.status_code == 404
    assert codes(late) == ["feedback-ended"]
    assert codes(unfit) == ["question-unknown", "answer-unfit"]
    assert codes(unknown) == ["package-unknown"]
