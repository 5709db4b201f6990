"""T25: libraries that keep their patrons to themselves, and staff of another who ask for one."""

from dataclasses import replace
from typing import Any

import pytest

from support.desk import CONFIGURATION, Make
from support.harness import STAFF, Harness

SERVING = frozenset(
    {"patrons:read", "patrons:write", "loans:read", "loans:create", "fees:read", "holds:read"}
)
OF_LAW = replace(STAFF, ref="law-desk", libraries=frozenset({"LAW"}), scopes=SERVING)
EVERYWHERE = replace(OF_LAW, scopes=SERVING | {"patrons:elsewhere"})
PLACES = ("", "/account", "/blocks", "/guarantors", "/proxies", "/merges", "/consents", "/card-pin")


@pytest.fixture
async def patrons(circulation: Harness, make: Make) -> dict[str, dict[str, Any]]:
    """One of each library, and one of none."""
    answer = await make.configure(registration={"patrons_apart": True})
    assert answer.status_code == 200, answer.text
    return {code: await make.patron(library=code or None) for code in ("MAIN", "LAW", "")}


async def test_t25_a_patron_of_another_library_is_answered_like_one_that_there_is_not(
    circulation: Harness, make: Make, patrons: dict[str, dict[str, Any]]
) -> None:
    theirs, nobody = patrons["MAIN"]["id"], "01890000-0000-7000-8000-00000000dead"
    with circulation.asking(OF_LAW):
        for place in PLACES:
            shut = await circulation.get(f"/v1/patrons/{theirs}{place}")
            unknown = await circulation.get(f"/v1/patrons/{nobody}{place}")
            assert (shut.status_code, shut.json()["detail"]) == (404, "There is no such patron."), place
            assert unknown.status_code in (200, 404), place
        for written in (theirs.replace("-", ""), f"urn:uuid:{theirs}", theirs.upper(), f"{{{theirs}}}"):
            assert (await circulation.get(f"/v1/patrons/{written}/account")).status_code in (404, 422), (
                written
            )
        changed = await circulation.patch(
            f"/v1/patrons/{theirs}", json={"note": "seen"}, headers={"If-Match": '"1"'}
        )
        blocked = await circulation.post(f"/v1/patrons/{theirs}/blocks", json={"actions": ["borrow"]})
        own = [
            (await circulation.get(f"/v1/patrons/{patrons[code]['id']}")).status_code for code in ("LAW", "")
        ]
        accounts = [
            (await circulation.get(f"/v1/patrons/{patrons[code]['id']}/account")).status_code
            for code in ("LAW", "")
        ]

    assert (changed.status_code, blocked.status_code) == (404, 404)
    assert (own, accounts) == ([200, 200], [200, 200])


async def test_t25_lists_leave_out_what_is_another_librarys(
    circulation: Harness, make: Make, patrons: dict[str, dict[str, Any]]
) -> None:
    theirs, item = patrons["MAIN"], await make.item()
    await make.loan(theirs, item)
    lists = ("/v1/loans?patron_id=", "/v1/loans?state=open&patron%5Fid=")

    async def seen() -> tuple[list[str], list[int]]:
        found = (await circulation.get("/v1/patrons")).json()["items"]
        by_card = (await circulation.get(f"/v1/patrons?barcode={theirs['barcode']}")).json()["items"]
        loans = [len((await circulation.get(f"{each}{theirs['id']}")).json()["items"]) for each in lists]
        return sorted(each["id"] for each in found), [len(by_card), *loans]

    with circulation.asking(OF_LAW):
        of_law = await seen()
    with circulation.asking(EVERYWHERE):
        everywhere = await seen()

    assert of_law == (sorted([patrons["LAW"]["id"], patrons[""]["id"]]), [0, 0, 0])
    assert everywhere == (sorted(each["id"] for each in patrons.values()), [1, 1, 1])


async def test_the_card_in_somebodys_hand_is_lent_to_and_where_patrons_are_shared_all_are_seen(
    circulation: Harness, make: Make, patrons: dict[str, dict[str, Any]]
) -> None:
    theirs, item = patrons["MAIN"], await make.item()
    with circulation.asking(OF_LAW):
        body = {
            "patron_barcode": theirs["barcode"],
            "item_barcode": item.barcode,
            "service_point_id": str(make.desks["law-desk"]),
        }
        lent = await circulation.post("/v1/loans", json=body)
    await circulation.put("/v1/configuration/circulation", json=CONFIGURATION)
    with circulation.asking(OF_LAW):
        shared = await circulation.get(f"/v1/patrons/{theirs['id']}")

    assert (lent.status_code, shared.status_code) == (201, 200), lent.text
