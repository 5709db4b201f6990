"""Who signs in as a registration that was merged is the surviving patron."""

from uuid import UUID, uuid4

from contracts.circulation import PatronMerged
from support.desk import NOW
from support.front import Front

WORD = "correct horse battery"


async def test_an_account_of_a_merged_patron_becomes_the_surviving_ones_once(gateway: Front) -> None:
    old, new = uuid4(), uuid4()
    theirs = await gateway.account("ada", WORD, "patron", patron_id=str(old))
    other = await gateway.account("ben", WORD, "patron", patron_id=str(uuid4()))
    event = PatronMerged(
        version=2,
        occurred_at=NOW,
        patron_ref=new,
        merged_refs=(old,),
        patron_group="student",
        loans=0,
        holds=0,
        fees=0,
    )
    message = gateway.message(event, source="circulation")

    await gateway.deliver_messages(message)
    await gateway.deliver_messages(message)

    rows = await gateway.resources.pool.fetch("SELECT id, patron_id, version FROM account ORDER BY username")
    assert [tuple(row) for row in rows] == [
        (UUID(theirs["id"]), new, 2),
        (UUID(other["id"]), UUID(other["patron_id"]), 1),
    ]
    signed_in = await gateway.client.post("/v1/sessions", json={"username": "ada", "password": WORD})
    who = (await gateway.whoami(signed_in.json()["access_token"])).json()
    assert who["patron_id"] == str(new)
