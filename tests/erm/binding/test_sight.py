"""Volumes and rounds belong to their order: whoever may not see it does not see them, nor acts on them."""

from uuid import uuid4

from support.acquiring import NOW, Make
from support.units import buyer, unit


async def test_what_belongs_to_a_units_order_is_for_its_members(make: Make) -> None:
    make.erm.at(NOW)
    law = await unit(make, "Law", "jurist")
    told = {"quantity": 2, "title_id": str(uuid4()), "location_id": str(uuid4())}
    order = await make.approved(make.line(await make.budget(), "10.00", **told), acquisition_unit_ids=[law])
    (line,) = order["lines"]
    pieces = (await make.receive(line, 2))["pieces"]
    stops = {"name": "x", "back_to": "y", "stops": [{"name": "Room 3"}]}
    listed = await make.post(f"/v1/order-lines/{line['id']}/routing-lists", stops)
    going = {"piece_id": pieces[0]["id"], "issue": "1"}
    begun = await make.post(f"/v1/routing-lists/{listed['id']}/rounds", going)
    body = {"piece_ids": [pieces[1]["id"]], "enumeration": "1"}
    volume = await make.post(f"/v1/order-lines/{line['id']}/bindings", body)
    gets = [
        f"/v1/routing-lists/{listed['id']}",
        f"/v1/routing-rounds/{begun['id']}",
        f"/v1/routing-rounds/{begun['id']}/slip",
        f"/v1/bindings/{volume['id']}",
    ]
    lists = [
        f"/v1/order-lines/{line['id']}/routing-lists",
        f"/v1/routing-lists/{listed['id']}/rounds",
        "/v1/routing-rounds/overdue?on=2028-01-01",
        "/v1/bindings?state=asked",
        f"/v1/order-lines/{line['id']}/bindings",
    ]
    shipment = {"bindery_id": make.vendor["id"], "binding_ids": [volume["id"]], "sent_on": "2027-03-02"}
    writes = [
        (f"/v1/order-lines/{line['id']}/routing-lists", stops | {"copy_number": 2}, 404),
        (f"/v1/routing-lists/{listed['id']}/rounds", going, 404),
        (f"/v1/routing-rounds/{begun['id']}/actions", {"action": "hand-on"}, 404),
        (f"/v1/order-lines/{line['id']}/bindings", body, 404),
        (f"/v1/bindings/{volume['id']}/actions", {"action": "undo"}, 404),
        ("/v1/bindery-shipments", shipment, 422),
    ]

    for who, status in (("artist", 404), ("jurist", 200)):
        with make.erm.asking(buyer(who)):
            assert [(await make.erm.get(path)).status_code for path in gets] == [status] * len(gets), who
            found = [bool((await make.get(path))["items"]) for path in lists]
            assert found == [status == 200] * len(lists), who
    with make.erm.asking(buyer("artist")):
        put = await make.erm.put(f"/v1/routing-lists/{listed['id']}", json=stops, headers={"If-Match": '"1"'})
        done = [
            (await make.erm.post(path, json=told, headers={"If-Match": '"1"'})).status_code
            for path, told, _ in writes
        ]

    assert (put.status_code, done) == (404, [status for *_, status in writes])
    assert (await make.get(f"/v1/bindings/{volume['id']}"))["version"] == 1
