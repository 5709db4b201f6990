"""Blocks that staff set: listed, from templates, lifted with a reason, told without words."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from contracts.circulation import PatronBlockAdded, PatronBlockRemoved
from support.desk import NOW, Make, codes, pointers, themselves
from support.harness import Harness

TEMPLATES = [
    {
        "code": "address",
        "name": "Address unknown",
        "actions": ["borrow", "hold"],
        "note": "Mail came back: CANARY-NOTE.",
        "message": "Tell us your address.",
        "days": 30,
    }
]


async def test_blocks_are_listed_with_what_ran_out_or_was_lifted_only_when_asked_for(
    circulation: Harness, make: Make
) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}/blocks"
    told = {"actions": ["borrow"], "note": "…"}
    over = (await circulation.post(path, json=told | {"expires_at": NOW.isoformat()})).json()
    kept = (await circulation.post(path, json=told)).json()
    gone = (await circulation.post(path, json=told)).json()
    lifted = await circulation.post(f"{path}/{gone['id']}/liftings", json={"reason": "All is well."})

    present = (await circulation.get(path)).json()["items"]
    ever = (await circulation.get(path, params={"past": True})).json()["items"]

    assert lifted.status_code == 201
    assert [each["id"] for each in present] == [kept["id"]]
    assert [(each["id"], each["active"]) for each in ever] == [
        (over["id"], False),
        (kept["id"], True),
        (gone["id"], False),
    ]
    assert (ever[2]["lifted_because"], ever[2]["lifted_at"]) == ("All is well.", "2027-03-01T09:00:00Z")
    assert ever[2]["lifted_by"]


async def test_a_long_list_of_blocks_comes_in_pages(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}/blocks"
    made = [
        (await circulation.post(path, json={"actions": ["hold"], "note": "…"})).json()["id"] for _ in range(3)
    ]

    first = (await circulation.get(path, params={"limit": 2})).json()
    second = (await circulation.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [each["id"] for each in first["items"] + second["items"]] == made
    assert second["next_cursor"] is None


async def test_a_template_says_what_the_desk_would_write_again_and_again(
    circulation: Harness, make: Make
) -> None:
    await make.configure(block_templates=TEMPLATES)
    patron = await make.patron()
    path = f"/v1/patrons/{patron['id']}/blocks"

    usual = (await circulation.post(path, json={"template": "address"})).json()
    own = (
        await circulation.post(path, json={"template": "address", "actions": ["hold"], "expires_at": None})
    ).json()
    account = await make.account(patron)

    assert (usual["actions"], usual["template"]) == (["borrow", "hold"], "address")
    assert usual["expires_at"] == (NOW + timedelta(days=30)).isoformat().replace("+00:00", "Z")
    assert (own["actions"], own["expires_at"], own["note"]) == (["hold"], None, TEMPLATES[0]["note"])
    assert [each["message"] for each in account["blocks"]] == ["Tell us your address."] * 2
    assert "CANARY-NOTE" not in str(account)


async def test_a_block_says_what_it_stops_and_why(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}/blocks"

    empty = await circulation.post(path, json={})
    unknown = await circulation.post(path, json={"template": "nowhere"})
    nobody = await circulation.post(f"/v1/patrons/{uuid4()}/blocks", json={"actions": ["hold"], "note": "…"})
    nobodys = await circulation.get(f"/v1/patrons/{uuid4()}/blocks")
    mute = await circulation.post(f"{path}/{uuid4()}/liftings", json={"reason": ""})
    nothing = await circulation.post(f"{path}/{uuid4()}/liftings", json={"reason": "…"})

    assert (empty.status_code, sorted(pointers(empty))) == (422, ["/actions", "/note"])
    assert (codes(unknown), pointers(unknown)) == (["block-template-unknown"], ["/template"])
    assert (nobody.status_code, nobodys.status_code, nothing.status_code) == (404, 404, 404)
    assert (mute.status_code, pointers(mute)) == (422, ["/reason"])


async def test_of_two_who_lift_a_block_at_once_one_has_lifted_it(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}/blocks"
    block = (await circulation.post(path, json={"actions": ["borrow"], "note": "CANARY-NOTE"})).json()

    answers = await asyncio.gather(
        *(
            circulation.post(f"{path}/{block['id']}/liftings", json={"reason": "CANARY-REASON"})
            for _ in range(3)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 404, 404]
    (added,) = await circulation.announced(PatronBlockAdded)
    (removed,) = await circulation.announced(PatronBlockRemoved)
    assert (added.version, removed.version) == (1, 2)
    assert added.block_id == removed.block_id
    assert "CANARY" not in "".join(each.model_dump_json() for each in await circulation.envelopes())


async def test_a_block_set_twice_with_one_key_is_set_once(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}/blocks"
    body = {"actions": ["borrow"], "note": "…"}

    first, second = [await circulation.post(path, json=body, key="again") for _ in range(2)]

    assert first.json()["id"] == second.json()["id"]
    assert len((await circulation.get(path)).json()["items"]) == 1


async def test_only_blocks_of_holds_that_still_run_stop_a_hold(circulation: Harness, make: Make) -> None:
    patron = await make.patron(barcode=None)
    path = f"/v1/patrons/{patron['id']}/blocks"
    title = str((await make.item()).title_ids[0])
    for block in (
        {"actions": ["hold"], "expires_at": NOW.isoformat()},
        {"actions": ["borrow", "renew"]},
    ):
        await circulation.post(path, json={"note": "…"} | block)

    placed = await make.place(patron, title_id=title)
    again = await make.place(patron, title_id=title)
    await circulation.post(path, json={"actions": ["hold"], "note": "…"})
    blocked = await make.place(patron, title_id=str((await make.item()).title_ids[0]))

    assert placed.status_code == 201
    assert codes(again) == ["already-held"]
    assert again.json()["reasons"][0]["text"]
    assert codes(blocked) == ["patron-blocked"]


async def test_patrons_do_not_read_what_staff_noted(circulation: Harness, make: Make) -> None:
    patron = await make.patron()

    with circulation.asking(themselves(patron)):
        answer = await circulation.get(f"/v1/patrons/{patron['id']}/blocks")

    assert answer.status_code == 403
