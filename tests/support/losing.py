"""What tests of lost and claimed items share: a policy for every loan, and hands that lose and claim."""

from datetime import timedelta
from typing import Any

from contracts.catalog import ItemState
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness
from support.money import configured, money_is_whole

DAY = timedelta(days=1)
DUE = NOW + 28 * DAY
USUAL: dict[str, Any] = {
    "code": "usual",
    "name": "Usual",
    "age_after": {"amount": 42, "unit": "day"},
    "age_recalled_after": {"amount": 7, "unit": "day"},
    "bill_after": {"amount": 3, "unit": "day"},
    "cost": "set",
    "amount": 3000,
    "processing_fee": {"declared": 500, "aged": 700},
}
CARELESS = {"code": "careless", "name": "Nothing is charged"}


async def losing(circulation: Harness, *, claim_resolution: str = "found-by-library", **policy: Any) -> None:
    """Configure one lost-item policy for every loan."""
    told = USUAL | policy
    await configured(
        circulation,
        lost_policies=[told],
        rules=[rule | {"lost": told["code"]} for rule in CONFIGURATION["rules"]],
        claim_resolution=claim_resolution,
    )


async def lose(circulation: Harness, loan: dict[str, Any], **more: Any) -> Any:
    """It is declared lost."""
    return await circulation.post(
        f"/v1/loans/{loan['id']}/losses", json={"comment": "left on a train"} | more
    )


async def claim(circulation: Harness, loan: dict[str, Any]) -> Any:
    """The patron says that it was brought back."""
    return await circulation.post(f"/v1/loans/{loan['id']}/claims", json={"comment": "in the drop, Tuesday"})


async def lent(make: Make) -> tuple[dict[str, Any], ItemState, dict[str, Any]]:
    """A patron with an item on loan."""
    patron, item = await make.patron(), await make.item()
    return patron, item, await make.loan(patron, item)


async def fees_of(circulation: Harness, patron: dict[str, Any]) -> list[dict[str, Any]]:
    """What the patron was charged, in order."""
    told: list[dict[str, Any]] = (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"]
    return told


async def whole(circulation: Harness) -> None:
    """The money, and what is counted of loans and claims; every event of a loan and an item, without a gap."""
    await money_is_whole(circulation)
    pool = circulation.resources.pool
    assert (
        await pool.fetch(
            "SELECT id FROM patron p WHERE (open_loans, claims_open) <> (SELECT count(*), count(claimed_at) "
            "FROM loan WHERE patron_id = p.id AND returned_at IS NULL)"
        )
        == []
    )
    told: dict[str, list[int]] = {}
    for envelope in await circulation.envelopes():
        if envelope.type.startswith("circulation.loan-") or "loan" in envelope.data:
            told.setdefault(envelope.subject, []).append(envelope.sequence)
    for row in await pool.fetch("SELECT id, version FROM loan"):
        assert told[str(row["id"])] == list(range(1, row["version"] + 1))


def codes(answer: Any) -> list[str]:
    """Why it was refused."""
    return [reason["code"] for reason in answer.json()["reasons"]]
