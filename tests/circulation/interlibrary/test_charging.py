"""What the owner of a book wants for it is charged to the patron who lost it."""

from uuid import UUID

from chassis.ids import uuid7
from contracts.circulation import FeeCharged, PartnerActRefused
from contracts.ill import PatronChargeWanted
from contracts.money import Amount
from support.desk import NOW, Make
from support.harness import Harness


def wanted(patron: UUID, *, currency: str = "EUR", version: int = 1) -> PatronChargeWanted:
    """The owner's price."""
    return PatronChargeWanted(
        version=version,
        occurred_at=NOW,
        request_id=REQUEST,
        number="ILL-000007",
        patron_ref=patron,
        item_id=uuid7(),
        amount=Amount(minor=12050, currency=currency),
    )


REQUEST = uuid7()


async def test_a_price_makes_one_fee_however_often_it_comes(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    event = wanted(UUID(patron["id"]))
    message = circulation.message(event, source="ill")
    for _ in range(2):
        await circulation.deliver_messages(message)
    await circulation.deliver(event, source="ill")  # told again under another id

    (fee,) = (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"]
    assert (fee["amount"], fee["currency"], fee["kind"]) == (12050, "EUR", "interlibrary-loan")
    assert fee["note"] == "ILL-000007 was not returned to its owner."
    assert len(await circulation.announced(FeeCharged)) == 1


async def test_damage_is_charged_as_damage(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    event = wanted(UUID(patron["id"])).model_copy(update={"why": "damaged"})
    await circulation.deliver(event, source="ill")

    (fee,) = (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"]
    assert fee["note"] == "ILL-000007 came back to its owner damaged."


async def test_what_cannot_be_charged_is_told_with_its_reason(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    await circulation.deliver(wanted(UUID(patron["id"]), currency="USD"), source="ill")
    await circulation.deliver(wanted(uuid7(), version=2), source="ill")

    refused = await circulation.announced(PartnerActRefused)
    assert [(one.act, one.reasons) for one in refused] == [
        ("charge", ("currency-differs",)),
        ("charge", ("patron-unknown",)),
    ]
    assert (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"] == []
