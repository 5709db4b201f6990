"""Networks, their tiers, and what partners lend from where."""

from typing import Any

import pytest

from ill.partners.rules import LoanPolicy, Terms, best_terms, lends_from
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import Make

RARE = LoanPolicy("nothing", "RARE")
REFERENCE = LoanPolicy("electronic", "MAIN", "Reference")
REST = LoanPolicy("physical")


@pytest.mark.parametrize(
    ("policies", "place", "service", "lends"),
    [
        pytest.param([], ("RARE", None), "loan", True, id="no policy"),
        pytest.param([RARE], ("MAIN", None), "loan", True, id="none that is about it"),
        pytest.param([RARE], (" rare ", "Vault"), "copy", False, id="of the whole location"),
        pytest.param([REFERENCE], ("MAIN", "reference"), "loan", False, id="copies and no loans"),
        pytest.param([REFERENCE], ("MAIN", "reference"), "copy", True, id="copies"),
        pytest.param([REFERENCE], ("MAIN", None), "loan", True, id="another shelf"),
        pytest.param([RARE, REST], ("RARE", None), "loan", False, id="the first that is about it decides"),
        pytest.param([RARE, REST], (None, None), "copy", False, id="the rest"),
        pytest.param([REST], ("MAIN", None), "copy-or-loan", True, id="one of both will do"),
    ],
)
def test_a_partner_lends_from_some_places_and_not_from_others(
    policies: list[LoanPolicy], place: tuple[str | None, str | None], service: str, lends: bool
) -> None:
    assert lends_from(policies, *place, service) is lends


def membership(*tiers: dict[str, Any], rank: int = 10, tier: str | None = None) -> dict[str, Any]:
    """In a network."""
    return {"rank": rank, "currency": "EUR", "tiers": list(tiers), "tier": tier}


FREE = {"name": "Free", "services": ["copy"], "levels": [], "charge": 0}
USUAL = {"name": "Usual", "services": [], "levels": ["Normal"], "charge": 500}
RUSH = {"name": "Rush", "services": [], "levels": ["Rush", "Express"], "charge": 1500}


@pytest.mark.parametrize(
    ("memberships", "service", "level", "terms"),
    [
        pytest.param([], "loan", None, None, id="in no network"),
        pytest.param([membership()], "loan", None, Terms(10, None, "EUR"), id="without tiers"),
        pytest.param([membership(FREE, USUAL)], "copy", None, Terms(10, 0, "EUR"), id="the cheaper tier"),
        pytest.param([membership(FREE, USUAL)], "loan", None, Terms(10, 500, "EUR"), id="meant for this"),
        pytest.param([membership(USUAL, RUSH)], "loan", "rush", Terms(10, 1500, "EUR"), id="by level"),
        pytest.param([membership(FREE)], "loan", None, None, id="none is meant for this"),
        pytest.param(
            [membership(FREE, USUAL, tier="Usual")],
            "copy",
            None,
            Terms(10, 500, "EUR"),
            id="in one tier only",
        ),
        pytest.param(
            [membership(FREE, rank=20), membership(USUAL, rank=5)],
            *("copy", None, Terms(5, 500, "EUR")),
            id="the nearer network",
        ),
    ],
)
def test_the_best_tier_that_is_meant_for_a_request_counts(
    memberships: list[dict[str, Any]], service: str, level: str | None, terms: Terms | None
) -> None:
    assert best_terms(memberships, service=service, level=level) == terms


async def network(ill: Harness, code: str, **more: Any) -> Any:
    """Entered, whatever comes of it."""
    return await ill.post("/v1/ill/networks", json={"code": code, "name": f"Network {code}"} | more)


async def test_a_network_is_entered_once_read_and_changed_by_whoever_read_it_last(ill: Harness) -> None:
    made = await network(ill, "near", rank=10, currency="EUR", tiers=[{"name": "Usual", "charge": 500}])
    again = await network(ill, "near")
    await network(ill, "far")
    path = made.headers["location"]
    change = {"name": "Renamed", "rank": 20}
    changed = await ill.put(path, json=change, headers={"If-Match": made.headers["etag"]})
    stale = await ill.put(path, json=change, headers={"If-Match": made.headers["etag"]})
    listed = (await ill.get("/v1/ill/networks")).json()["items"]

    assert (made.status_code, made.json()["tiers"][0]["services"]) == (201, [])
    assert (again.status_code, codes(again)) == (409, ["network-taken"])
    assert (changed.json()["rank"], changed.json()["tiers"], stale.status_code) == (20, [], 412)
    assert [one["code"] for one in listed] == ["far", "near"]
    assert (await ill.get("/v1/ill/networks/none")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"tiers": [{"name": "Usual", "charge": 500}]},
        {"tiers": [{"name": "Usual"}, {"name": "Usual"}]},
        {"code": "Not a code"},
        {"rank": -1},
    ],
    ids=["a charge without currency", "two of one name", "code", "rank"],
)
async def test_a_wrong_network_is_not_entered(ill: Harness, wrong: dict[str, Any]) -> None:
    assert (await network(ill, **{"code": "near"} | wrong)).status_code == 422


async def test_a_partner_is_in_networks_and_tiers_that_there_are_and_a_tier_in_use_stays(
    ill: Harness, make: Make
) -> None:
    made = await network(ill, "near", tiers=[{"name": "Usual"}])
    body = {"name": "A", "symbol": "XX-A"}
    told = [{"network": "nowhere"}, {"network": "near", "tier": "Odd"}]
    unknown = await ill.post("/v1/ill/partners", json=body | {"networks": told})
    await make.partner(networks=[{"network": "near", "tier": "Usual"}])
    bare = {"name": "Near", "tiers": []}
    used = await ill.put("/v1/ill/networks/near", json=bare, headers={"If-Match": made.headers["etag"]})

    assert (codes(unknown), pointers(unknown)) == (
        ["network-unknown", "tier-unknown"],
        ["/networks/0/network", "/networks/1/tier"],
    )
    assert (used.status_code, codes(used)) == (422, ["tier-in-use"])


async def test_the_nearer_network_is_asked_first_and_none_whose_tier_is_too_dear(
    ill: Harness, make: Make
) -> None:
    tiers = [{"name": "Usual", "charge": 500}, {"name": "Rush", "levels": ["Rush"], "charge": 3000}]
    await network(ill, "near", rank=10)
    await network(ill, "far", rank=50, currency="EUR", tiers=tiers)
    await make.partner("XX-ALONE", rank=1)
    await make.partner("XX-FAR", networks=[{"network": "far"}])
    await make.partner("XX-DEAR", networks=[{"network": "far", "tier": "Rush"}])
    await make.partner("XX-NEAR", networks=[{"network": "near"}, {"network": "far"}])
    request = await make.request(service_level="Rush", max_cost={"minor": 1000, "currency": "EUR"})
    await make.act(request, "pass-over")

    rota = await make.rota(request)
    assert [entry[0] for entry in rota] == ["XX-NEAR", "XX-FAR", "XX-DEAR", "XX-ALONE"]
    assert [entry[1:] for entry in rota[:3]] == [
        ("left", "pass-over"),
        ("active", None),
        ("waiting", None),
    ]
    await make.act(request, "pass-over")
    assert (await make.rota(request))[2] == ("XX-DEAR", "skipped", "costs-too-much")
