"""Libraries that send something nowhere, or at a cost: holds, copies that are fetched, and what is scanned."""

from typing import Any

from contracts.catalog import ItemBase
from support.desk import CONFIGURATION, Make, codes, pointers
from support.harness import Harness

HOME_ONLY = {"origins": ["LAW"], "destinations": ["MAIN"], "allowed": False, "note": "no van on that road"}
NO_FILMS = {"material_types": ["video"], "allowed": False}


async def sending(make: Make, *lines: dict[str, Any], **more: Any) -> None:
    answer = await make.configure(transfers=list(lines), **more)
    assert answer.status_code == 200, answer.text


async def at_law(make: Make, **more: Any) -> Any:
    return await make.item(location_id=make.locations["LAW"], **more)


async def test_a_hold_is_refused_where_no_copy_may_be_sent_and_other_points_are_offered(
    circulation: Harness, make: Make
) -> None:
    await sending(make, HOME_ONLY)
    patron, item = await make.patron(), await at_law(make)
    title_id = str(item.title_ids[0])

    refused = await make.place(patron, title_id=title_id)
    dry = await circulation.post(
        "/v1/holds?dry_run=true&explain=true",
        json={"patron_id": patron["id"], "title_id": title_id, "pickup_id": make.desk},
    )
    offered = (
        await circulation.get(f"/v1/holds/pickup-points?patron_id={patron['id']}&title_id={title_id}")
    ).json()["items"]
    placed = await make.hold(patron, item, at="law-desk")
    headers = {"Idempotency-Key": "elsewhere", "If-Match": '"1"'}
    moved = await circulation.patch(
        f"/v1/holds/{placed['id']}", json={"pickup_id": make.desk}, headers=headers
    )

    assert (refused.status_code, codes(refused)) == (409, ["transfer-not-allowed"])
    assert [each["code"] for each in dry.json()["refusals"]] == ["transfer-not-allowed"]
    assert [copy["transfer_allowed"] for copy in dry.json()["explanation"]["copies"]] == [False]
    assert [point["code"] for point in offered] == ["law-desk"]
    assert (moved.status_code, codes(moved), pointers(moved)) == (409, ["pickup-not-allowed"], ["/pickup_id"])


async def test_only_copies_that_may_be_sent_are_fetched_and_the_cheaper_ones_first(
    circulation: Harness, make: Make
) -> None:
    third = CONFIGURATION["service_points"][1] | {"code": "med-desk", "name": "Med", "library": "MED"}
    points = [*CONFIGURATION["service_points"], third | {"serves": ["MED"]}]
    lines = [HOME_ONLY, {"origins": ["MAIN"], "cost": 9}, {"origins": ["LAW"], "cost": 2}]
    await sending(make, *lines, service_points=points, copy_choice={"first": "cost"})
    listed = (await circulation.get("/v1/service-points")).json()["items"]
    make.desks = {point["code"]: point["id"] for point in listed}
    main = await make.item()
    law = await at_law(make, title_ids=main.title_ids)

    cheap = await make.hold(await make.patron(), main, at="med-desk")
    near = await make.hold(await make.patron(), main)

    rows = await circulation.resources.pool.fetch("SELECT id, hold_id FROM item WHERE hold_id IS NOT NULL")
    assert {row["id"]: str(row["hold_id"]) for row in rows} == {
        law.item_id: cheap["id"],
        main.item_id: near["id"],
    }


async def test_a_scanned_item_passes_over_whom_it_may_not_be_sent_to(
    circulation: Harness, make: Make
) -> None:
    film = await make.item(material_type="video")
    await make.loan(await make.patron(), film)
    far = await make.hold(await make.patron(), film, at="law-desk")
    near = await make.hold(await make.patron(), film)
    await sending(make, NO_FILMS)

    back = await make.take_back(film)

    assert (back["next_step"]["step"], back["next_step"]["hold"]["hold_id"]) == ("hold-shelf", near["id"])
    assert back["passed_over"] == [far["id"]]
    assert (await make.hold_of(far))["state"] == "waiting"


async def test_what_may_not_go_home_is_kept_where_it_is_unless_it_floats(
    circulation: Harness, make: Make
) -> None:
    film = await make.item(material_type="video")
    await sending(make, NO_FILMS)
    await make.loan(await make.patron(), film)

    kept = await make.take_back(film, at="law-desk")
    again = await make.take_back(film, at="law-desk")
    home = await make.take_back(film)

    assert kept["next_step"]["step"] == again["next_step"]["step"] == "keep-here"
    assert kept["next_step"]["to_service_point_id"] == make.desk
    assert home["next_step"]["step"] == "reshelve"
    row = await circulation.resources.pool.fetchrow("SELECT transit_to FROM item WHERE id = $1", film.item_id)
    assert row is not None
    assert row["transit_to"] is None


async def test_what_waits_on_a_shelf_goes_to_nobody_it_may_not_be_sent_to(
    circulation: Harness, make: Make
) -> None:
    film = await make.item(material_type="video")
    await make.loan(await make.patron(), film)
    first = await make.hold(await make.patron(), film)
    far = await make.hold(await make.patron(), film, at="law-desk")
    await make.take_back(film)
    await sending(make, NO_FILMS)

    await make.cancel(first)

    assert (await make.hold_of(far))["state"] == "waiting"
    # it lies on the hold shelf until somebody scans it
    assert (await make.state(film))["state"] == "reshelving"


async def test_damaged_items_are_held_and_caught_only_where_the_library_has_it_so(
    circulation: Harness, make: Make
) -> None:
    item = await make.item(base_state=ItemBase.DAMAGED)
    ordered = await make.item(base_state=ItemBase.ON_ORDER)
    waiting = await make.hold(await make.patron(), item)
    for_new = await make.hold(await make.patron(), ordered)
    answer = await make.configure(desk={"holds_on": ["on-order"], "fills_holds": []})
    assert answer.status_code == 200, answer.text

    refused = await make.place(await make.patron(), title_id=str(item.title_ids[0]))
    damaged, arrived = await make.take_back(item), await make.take_back(ordered)
    another = await make.place(await make.patron(), title_id=str(ordered.title_ids[0]))
    await make.configure()
    caught = [await make.take_back(each) for each in (item, ordered)]

    assert (refused.status_code, codes(refused)) == (409, ["nothing-to-hold"])
    assert [each["next_step"]["hold"] for each in (damaged, arrived)] == [None, None]
    assert another.status_code == 201
    assert [each["next_step"]["hold"]["hold_id"] for each in caught] == [waiting["id"], for_new["id"]]
