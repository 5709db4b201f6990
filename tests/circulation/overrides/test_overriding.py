"""Overrides at the desk: a scope for each kind of block, and the whole of it or nothing."""

from chassis.principal import Principal
from contracts.circulation import LoanCreated, LoanRenewed
from support.desk import LATER, NOW, Make, codes
from support.harness import Harness


def staff(*scopes: str) -> Principal:
    return Principal("staff", "x", frozenset({"loans:create", "loans:renew", *scopes}))


async def test_one_missing_scope_refuses_the_whole_override_and_is_named(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(group="visitor"), await make.item()
    for _ in range(2):
        await make.loan(patron, await make.item())
    await circulation.post(
        f"/v1/patrons/{patron['id']}/blocks", json={"actions": ["borrow"], "note": "lost a book"}
    )
    wish = {"blocks": ["group-loan-limit", "patron-blocked"], "comment": "thesis"}

    with circulation.asking(staff("overrides:limits")):
        refused = await make.lend(patron, item, override=wish)
    with circulation.asking(staff("overrides:limits", "overrides:patrons")):
        silent = await make.lend(patron, item, override={"blocks": wish["blocks"]})
        granted = await make.lend(patron, item, override=wish)

    assert (refused.status_code, codes(refused)) == (403, ["scope-missing"])
    assert "overrides:patrons" in refused.json()["detail"]
    assert "overrides:limits" not in refused.json()["detail"]
    assert silent.status_code == 422
    assert granted.status_code == 201
    told = [event.overridden for event in await circulation.announced(LoanCreated)]
    assert told == [(), (), ("patron-blocked", "group-loan-limit")]


async def test_a_recall_always_stops_a_renewal_but_for_its_own_override(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    await make.hold(await make.patron(), item, kind="recall")
    circulation.at(NOW + LATER)
    path, comment = f"/v1/loans/{loan['id']}/renewals", "the author needs it"
    both = {"blocks": ["recalled", "holds-wait"], "comment": comment, "due_at": "2027-04-20T12:00:00Z"}

    plain = await circulation.post(path)
    with circulation.asking(staff("overrides:holds", "overrides:renewals")):
        refused = await circulation.post(path, json={"override": both})
    with circulation.asking(staff("overrides:holds", "overrides:recalls")):
        granted = await circulation.post(path, json={"override": both})

    assert {"recalled", "holds-wait"} <= set(codes(plain))
    assert refused.status_code == 403
    assert "overrides:recalls" in refused.json()["detail"]
    assert granted.status_code == 201
    (event,) = await circulation.announced(LoanRenewed)
    assert event.overridden == ("recalled", "holds-wait")


async def test_an_override_renews_only_to_a_later_due_time(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    circulation.at(NOW + LATER)
    path = f"/v1/loans/{loan['id']}/renewals"
    wish = {"blocks": ["renewal-limit"], "comment": "an exception"}

    same = await circulation.post(path, json={"override": wish | {"due_at": loan["due_at"]}})
    earlier = await circulation.post(path, json={"override": wish | {"due_at": "2027-03-10T12:00:00Z"}})

    assert (codes(same), codes(earlier)) == (["due-date-unchanged"], ["due-date-unchanged"])
