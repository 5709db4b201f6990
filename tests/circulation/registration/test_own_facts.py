"""C25: facts and tags of patrons that a library has decided upon: judged, told, loaded, merged, kept from others."""

from typing import Any

from circulation.loading.worker import work_once
from contracts.circulation import PatronCreated, PatronUpdated
from support.desk import Make, codes, pointers, themselves
from support.harness import Harness

OWN: dict[str, Any] = {
    "custom_fields": [
        {"code": "supervisor", "name": "Supervisor"},
        {"code": "locker", "name": "Locker", "kind": "number", "visible": "patron", "personal": False},
        {"code": "hall", "name": "Hall", "kind": "choice", "choices": ["north", "south"], "required": True},
    ],
    "tags": [
        {"code": "alumni", "name": "Alumni", "visible": "patron", "personal": False},
        {"code": "follow-up", "name": "To be followed up"},
    ],
}
WITH: dict[str, Any] = {"custom": {"hall": "north", "supervisor": "M. Curie", "locker": 12}}


async def changed(circulation: Harness, patron: dict[str, Any], **told: Any) -> Any:
    path = f"/v1/patrons/{patron['id']}"
    tag = (await circulation.get(path)).headers["etag"]
    return await circulation.patch(path, json=told, headers={"If-Match": tag})


async def test_what_is_the_persons_own_business_leaves_the_house_in_no_event(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=OWN)

    ada = await make.patron(**WITH, tags=["alumni", "follow-up", "alumni"])
    more = await changed(circulation, ada, custom={"supervisor": None, "locker": 7})
    same = await changed(circulation, ada, custom={"locker": 7}, tags=["alumni", "follow-up"])
    with circulation.asking(themselves(ada)):
        herself = (await circulation.get("/v1/patrons/me")).json()

    assert (ada["custom"], ada["tags"]) == (WITH["custom"], ["alumni", "follow-up"])
    assert more.json()["custom"] == {"hall": "north", "locker": 7}
    assert (same.status_code, same.json()["version"]) == (200, 2)
    assert (herself["custom"], herself["tags"]) == ({"locker": 7}, ["alumni"])
    [created] = await circulation.announced(PatronCreated)
    [updated] = await circulation.announced(PatronUpdated)
    assert (created.custom, created.tags) == ({"locker": 12}, ("alumni",))
    assert (updated.changed, updated.custom, updated.tags) == (("custom",), {"locker": 7}, None)


async def test_everything_wrong_with_own_facts_is_said_at_once(circulation: Harness, make: Make) -> None:
    await make.configure(registration=OWN)
    ada = await make.patron(**WITH)
    wrong = {"custom": {"locker": "x", "shoe": 3}, "tags": ["alumni", "tall"], "group": "wizard"}

    new = await circulation.post("/v1/patrons", json={"family_name": "B"} | wrong)
    old = await changed(circulation, ada, custom={"hall": None}, tags=None)
    bad = await make.configure(
        registration={
            "custom_fields": [{"code": "a", "name": "A", "choices": ["x"]}, {"code": "a", "name": "B"}],
            "tags": OWN["tags"],
        }
    )

    told = ["/tags/1", "/group", "/custom/hall", "/custom/locker", "/custom/shoe"]
    assert (new.status_code, sorted(pointers(new))) == (422, sorted(told))
    assert (old.status_code, sorted(pointers(old))) == (422, ["/custom/hall", "/tags"])
    assert {"choices-wrong", "code-repeated"} <= set(codes(bad))


async def test_a_registration_put_whole_keeps_what_is_offered_no_more(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=OWN)
    ada = await make.patron(**WITH, tags=["alumni"])
    fewer = [OWN["custom_fields"][0], OWN["custom_fields"][1]]
    hall = OWN["custom_fields"][2] | {"choices": ["south"]}

    answer = await make.configure(registration=OWN | {"custom_fields": [*fewer, hall]})
    read = await circulation.get(f"/v1/patrons/{ada['id']}")
    back = await circulation.put(
        f"/v1/patrons/{ada['id']}",
        json=read.json() | {"custom": {"hall": "north"}},
        headers={"If-Match": read.headers["etag"]},
    )

    assert answer.status_code == 200, answer.text
    assert (back.status_code, back.json()["custom"]) == (200, {"hall": "north"}), back.text


async def test_what_somebody_has_is_neither_dropped_nor_made_of_something_else(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=OWN)
    await make.patron(custom={"hall": "north"}, tags=["alumni"])
    free = [OWN["custom_fields"][1] | {"kind": "text"}, OWN["custom_fields"][2]]
    text = [{"code": "hall", "name": "Hall"}]

    refused = await make.configure(registration={"custom_fields": text, "tags": []})
    taken = await make.configure(registration=OWN | {"custom_fields": free})

    assert (refused.status_code, codes(refused)) == (422, ["still-in-use", "still-in-use"])
    assert sorted(pointers(refused)) == ["/registration/custom_fields", "/registration/tags"]
    assert taken.status_code == 200, taken.text


async def test_a_campus_file_tells_own_facts_unless_they_are_the_librarys_to_say(
    circulation: Harness, make: Make
) -> None:
    profiles = [
        {"code": "campus", "name": "Campus"},
        {"code": "guarded", "name": "Guarded", "library_wins": ["custom", "tags"]},
    ]
    await make.configure(registration=OWN, load_profiles=profiles)
    await make.patron(external_id="u1", **WITH, tags=["follow-up"])
    await make.patron(external_id="u4", family_name="Four", custom={"hall": "north"})
    sheet = (
        b"external_id,family_name,group,custom,tags\n"
        b'u1,One,student,"{""locker"": 3, ""supervisor"": null}","[""alumni""]"\n'
        b'u2,Two,student,"{""locker"": 4}",\n'
        b'u3,Three,student,"{""hall"": ""west""}","[""tall""]"\n'
        b'u4,Four,student,,"[""tall""]"\n'
    )
    outcomes = []

    for profile in ("guarded", "campus", "campus"):
        sent = await circulation.post(
            f"/v1/patron-loads?profile={profile}", content=sheet, headers={"Content-Type": "text/csv"}
        )
        while await work_once(circulation.resources):
            pass
        outcomes.append((await circulation.get(sent.headers["location"])).json()["counts"])
        found = (await circulation.get("/v1/patrons?external_id=u1")).json()["items"][0]
        if profile == "guarded":
            assert (found["custom"], found["tags"]) == (WITH["custom"], ["follow-up"])
    lines = (await circulation.get(f"{sent.headers['location']}/outcomes?outcome=rejected")).json()["items"]

    assert (found["custom"], found["tags"]) == ({"hall": "north", "locker": 3}, ["alumni"])
    assert [each["pointer"] for each in lines[0]["reasons"]] == ["/custom/hall", "/tags/0"]
    assert [each["updated"] for each in outcomes] == [1, 1, 0]
    assert [each["rejected"] for each in outcomes] == [1, 2, 2]
    told = [each for each in await circulation.announced(PatronUpdated) if "custom" in each.changed]
    assert [(each.custom, each.tags) for each in told] == [({"locker": 3}, ("alumni",))]
    created = await circulation.announced(PatronCreated)
    assert [(each.custom, each.tags) for each in created[2:]] == [({"locker": 4}, None)]


async def test_of_two_registrations_the_facts_and_tags_come_together(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=OWN)
    one = await make.patron(custom={"hall": "north"}, tags=["alumni"])
    two = await make.patron(custom={"hall": "south", "locker": 5}, tags=["follow-up", "alumni"])

    answer = await circulation.post(f"/v1/patrons/{one['id']}/merges", json={"merged": [two["id"]]})
    left = (await circulation.get(f"/v1/patrons/{one['id']}")).json()
    kept = (await circulation.get(f"/v1/patrons/{one['id']}/merges")).json()["items"][0]["registration"]

    assert answer.status_code == 201, answer.text
    assert (left["custom"], left["tags"]) == ({"hall": "north", "locker": 5}, ["alumni", "follow-up"])
    assert (kept["custom"], kept["tags"]) == ({"hall": "south", "locker": 5}, ["follow-up", "alumni"])
