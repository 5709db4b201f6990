"""What a hold may ask for: kinds by state, published; pickup points by patron, copy and kind."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.catalog import ItemBase
from support.desk import CONFIGURATION, Make, codes, themselves
from support.harness import Harness

LAW_ONLY = {"code": "law-only", "name": "Law", "pickup_points": ["law-desk"]}
ANNEX = {
    "code": "annex",
    "name": "annex",
    "library": "MAIN",
    "serves": [],
    "pickup": False,
    "calendar": {"zone": "Europe/Berlin", "weekly": {}},
}
FILM = {"when": {"material_type": ["video"]}, "loan": "one-week", "fine": "daily", "hold": "law-only"}


async def points(circulation: Harness, patron: dict[str, Any], **query: Any) -> Any:
    query = {name: str(value) for name, value in query.items()}
    return await circulation.get("/v1/holds/pickup-points", params={"patron_id": patron["id"]} | query)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [point["name"] for point in answer.json()["items"]]


async def test_pickup_points_are_sorted_by_name_and_leave_out_what_is_none(
    circulation: Harness, make: Make
) -> None:
    await make.configure(service_points=[ANNEX, *CONFIGURATION["service_points"]])
    item, patron = await make.item(), await make.patron()

    answer = await points(circulation, patron, title_id=item.title_ids[0])

    assert names(answer) == ["Law desk", "Main desk"]
    assert [point["kinds"] for point in answer.json()["items"]] == [["page"], ["page"]]


async def test_what_is_listed_can_be_placed_and_what_is_not_listed_is_refused(
    circulation: Harness, make: Make
) -> None:
    await make.configure(
        service_points=[ANNEX, *CONFIGURATION["service_points"]],
        hold_policies=[*CONFIGURATION["hold_policies"], LAW_ONLY],
        rules=[CONFIGURATION["rules"][0], FILM],
    )
    desks = {p["code"]: p["id"] for p in (await circulation.get("/v1/service-points")).json()["items"]}
    patron = await make.patron()
    film, book = await make.item(material_type="video"), await make.item()
    both = await make.item(title_ids=film.title_ids)
    await make.loan(await make.patron(), both)

    for wanted in (
        {"title_id": str(film.title_ids[0])},
        {"item_id": str(film.item_id)},
        {"title_id": str(book.title_ids[0])},
        {"title_id": str(film.title_ids[0]), "kind": "hold"},
        {"item_id": str(both.item_id), "kind": "recall"},
        {"item_id": str(film.item_id), "kind": "recall"},
    ):
        listed = {point["id"] for point in (await points(circulation, patron, **wanted)).json()["items"]}
        for desk in desks.values():
            body = {"patron_id": patron["id"], "pickup_id": desk} | wanted
            dry = (await circulation.post("/v1/holds?dry_run=true", json=body)).json()
            refused = {refusal["code"] for refusal in dry["refusals"]}
            if desk in listed:
                assert "pickup-not-allowed" not in refused, (wanted, desk, dry)
            else:
                assert refused & {"pickup-not-allowed", "nothing-to-hold"}, (wanted, desk, dry)


async def test_a_hold_that_waits_is_told_where_else_it_may_be_picked_up(
    circulation: Harness, make: Make
) -> None:
    await make.configure(
        hold_policies=[*CONFIGURATION["hold_policies"], LAW_ONLY], rules=[CONFIGURATION["rules"][0], FILM]
    )
    item, patron = await make.item(material_type="video"), await make.patron()
    hold = await make.hold(patron, item, at="law-desk")
    assert hold["kind"] == "page"

    with circulation.asking(themselves(patron)):
        own = await circulation.get(f"/v1/holds/pickup-points?hold_id={hold['id']}")
    with circulation.asking(themselves(await make.patron())):
        others = await circulation.get(f"/v1/holds/pickup-points?hold_id={hold['id']}")

    assert names(own) == ["Law desk"]
    assert others.status_code == 404


async def test_patrons_ask_for_themselves(circulation: Harness, make: Make) -> None:
    item, anna, bela = await make.item(), await make.patron(), await make.patron()
    title = item.title_ids[0]

    with circulation.asking(themselves(anna)):
        own = await circulation.get(f"/v1/holds/pickup-points?title_id={title}")
        others = await points(circulation, bela, title_id=title)

    assert names(own) == ["Law desk", "Main desk"]
    assert (others.status_code, codes(others)) == (404, ["patron-unknown"])


async def test_one_thing_is_asked_about(circulation: Harness, make: Make) -> None:
    item, patron = await make.item(), await make.patron()

    nothing = await points(circulation, patron)
    two = await points(circulation, patron, title_id=item.title_ids[0], item_id=item.item_id)
    unknown = await points(circulation, patron, title_id=uuid4())

    assert (nothing.status_code, two.status_code) == (422, 422)
    assert (unknown.status_code, codes(unknown)) == (404, ["title-unknown"])


async def test_the_matrix_is_published_as_the_rule_has_it(circulation: Harness) -> None:
    states = (await circulation.get("/v1/holds/matrix")).json()["states"]

    told = {(row["base"], row["state"]): row["kinds"] for row in states}
    assert len(told) == len(states)
    assert {base for base, _ in told} == {base.value for base in ItemBase}
    assert told["active", "available"] == ["page"]
    assert told["active", "on-loan"] == ["hold", "recall"]
    assert told["active", "paged"] == ["hold"]
    assert told["restricted", "available"] == ["hold", "page"]
    assert told["withdrawn", "unavailable"] == []


async def test_the_matrix_in_the_documents_is_the_one_that_is_served(circulation: Harness) -> None:
    states = (await circulation.get("/v1/holds/matrix")).json()["states"]
    page = (Path(__file__).parents[3] / "docs" / "holds.md").read_text()

    lines = [f"| {row['base']} | {row['state']} | {', '.join(row['kinds']) or 'none'} |" for row in states]
    assert [line for line in lines if line not in page] == []
    assert page.count("\n| ") - 2 == len(lines)


async def test_the_matrix_holds_at_the_desk(circulation: Harness, make: Make) -> None:
    told = (await circulation.get("/v1/holds/matrix")).json()["states"]
    takes = {(row["base"], row["state"]): set(row["kinds"]) for row in told}

    for base in (ItemBase.ACTIVE, ItemBase.RESTRICTED, ItemBase.MISSING, ItemBase.ON_ORDER):
        item = await make.item(base_state=base)
        state = (await make.state(item))["state"]
        for kind in ("hold", "page", "recall"):
            body = {
                "patron_id": (await make.patron())["id"],
                "item_id": str(item.item_id),
                "pickup_id": make.desk,
                "kind": kind,
            }
            dry = (await circulation.post("/v1/holds?dry_run=true", json=body)).json()
            assert dry["allowed"] == (kind in takes[base.value, state]), (base, state, kind, dry)
