"""A rollover is looked at, then done: the same plan both times, the second time under locks and as a whole.

Locks are taken in the order of all of acquisitions: the rollover, its ledger, the years, the orders, the budgets. Once
the budgets are locked nothing is set aside in them; an order that was approved between looking for orders and locking
budgets is found then, and everything begins anew.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection
from chassis.edge import InFlight
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.finance.commands import Books
from erm.finance.groups import carry_groups
from erm.rollovers import queries
from erm.rollovers.entering import RolloverIn, RulesIn
from erm.rollovers.gathering import Moved, make_budgets, planned
from erm.rollovers.writing import forget, tell, tell_others, write
from erm.rows import change, insert
from erm.units.rules import Act, Standing
from erm.units.standing import demand_units

TRIES: Final = 5
"""Of a rollover that orders overtake."""


class RolloverUnknown(NotFound):
    """There is no such rollover."""

    code, title = "rollover-unknown", "There is no such rollover."


class RolloverRefused(Refused):
    """The ledger does not go over so."""

    code, title = "rollover-refused", "The ledger does not go over so."


async def preview(connection: Connection, body: RolloverIn, books: Books) -> UUID:
    """Reckon everything, keep what would become of it, and change nothing."""
    if not await _demand_all(connection, body.ledger_id, books.standing):
        body = body.model_copy(update={"ledger_id": uuid7()})  # and every answer is that of an unknown one
    await _check_funds(connection, body)
    rollover_id = uuid7()
    rules = body.model_dump(mode="json", include={"orders", "budgets"}, exclude_unset=True)
    row = {
        "id": rollover_id,
        "ledger_id": body.ledger_id,
        "from_year_id": body.from_year_id,
        "to_year_id": body.to_year_id,
    }
    await _check(connection, row, lock=False)
    await insert(
        connection,
        "rollover",
        **row,
        state="previewed",
        rules=rules,
        orders={},
        created_at=books.now,
        created_by=books.actor,
    )
    plan = await planned(connection, row, body, books, lock=False, first=True)
    await tell(connection, rollover_id, plan)
    return rollover_id


async def run(connection: Connection, rollover_id: UUID, books: Books, *, again: bool) -> None:
    """Do it; or, once it is done, try again what failed, waited or was left."""
    row = await connection.fetchrow("SELECT * FROM rollover WHERE id = $1 FOR UPDATE", rollover_id)
    if row is None:
        raise RolloverUnknown
    if not await _demand_all(connection, row["ledger_id"], books.standing):
        raise RolloverUnknown
    if (row["state"] == "done") is not again:
        text, mend = (
            ("It has not been done.", "Run it first.")
            if again
            else ("It has been done.", "Retry what is left of it.")
        )
        raise RolloverRefused(reasons=[Reason("rollover-state", text, "/action", mend)])
    rules = RulesIn.model_validate(row["rules"])
    for _ in range(TRIES):
        try:
            async with connection.transaction():
                await _done(connection, row, rules, books, again=again)
                return
        except Moved:
            continue
    raise InFlight


async def _done(connection: Connection, row: Any, rules: RulesIn, books: Books, *, again: bool) -> None:
    await connection.execute("SELECT FROM ledger WHERE id = $1 FOR NO KEY UPDATE", row["ledger_id"])
    years = await _check(connection, row, lock=True, again=again)
    if not again:
        await make_budgets(connection, row, rules, books.now)
        await carry_groups(
            connection, row["ledger_id"], row["from_year_id"], row["to_year_id"], books.actor, books.now
        )
    plan = await planned(connection, row, rules, books, lock=True, first=not again)
    before, after = (years[row[name]]["code"] for name in ("from_year_id", "to_year_id"))
    books.note = f"rollover from {before} to {after}"
    await write(connection, row, plan, books)
    if not again:
        await forget(connection, row["id"])
    await change(
        connection,
        "rollover",
        row["id"],
        state="done",
        done_at=row["done_at"] or books.now,
        done_by=row["done_by"] or books.actor,
    )
    await tell(connection, row["id"], plan)
    await tell_others(connection, row["id"], plan)


_UNITS = """
SELECT acquisition_unit_ids AS units, 0 AS at FROM ledger WHERE id = $1
UNION ALL SELECT acquisition_unit_ids, 1 FROM fund WHERE ledger_id = $1 ORDER BY at
"""


async def _demand_all(connection: Connection, ledger_id: UUID, standing: Standing) -> bool:
    """Whether somebody may see a ledger; `UnitsForbid` unless they may see and change it and all of its funds: it goes
    over as a whole, with its orders, whosever they are."""
    if standing.unlimited:
        return True
    rows = await connection.fetch(_UNITS, ledger_id)
    if not rows:
        return True
    if not standing.lets(Act.READ, rows[0]["units"]):
        return False
    for row in rows:
        demand_units(standing, Act.READ, row["units"])
        demand_units(standing, Act.UPDATE, row["units"])
    return True


async def _check(
    connection: Connection, row: Mapping[str, Any], *, lock: bool, again: bool = False
) -> dict[UUID, Any]:
    """The years, if the ledger can go over from one to the other; else every reason why not."""
    ledger = await connection.fetchrow("SELECT * FROM ledger WHERE id = $1", row["ledger_id"])
    years = await queries.years(connection, [row["from_year_id"], row["to_year_id"]], lock=lock)
    unknown = [] if ledger else [Reason("ledger-unknown", "There is no such ledger.", "/ledger_id")]
    unknown += [
        Reason("fiscal-year-unknown", "There is no such fiscal year.", f"/{name}")
        for name in ("from_year_id", "to_year_id")
        if row[name] not in years
    ]
    if unknown or ledger is None:
        raise Invalid(reasons=unknown)
    before, after = years[row["from_year_id"]], years[row["to_year_id"]]
    reasons = []
    for year, pointer in ((before, "/from_year_id"), (after, "/to_year_id")):
        if (year["series"], year["currency"]) != (ledger["series"], ledger["currency"]):
            text = f"{year['code']} is not of the ledger's series and currency."
            reasons.append(Reason("fiscal-year-of-another-kind", text, pointer, "Choose a year of its kind."))
        if year["state"] != "open":
            text = f"The fiscal year {year['code']} is {year['state']}."
            reasons.append(Reason("fiscal-year-not-open", text, pointer, "Both years must be open."))
    if after["starts_on"] <= before["ends_on"]:
        text = f"{after['code']} does not come after {before['code']}."
        reasons.append(Reason("fiscal-year-not-later", text, "/to_year_id", "Choose a later year."))
    done = "SELECT id FROM rollover WHERE ledger_id = $1 AND from_year_id = $2 AND state = 'done'"
    other = await connection.fetchval(done, row["ledger_id"], row["from_year_id"])
    if other is not None and not again:
        text = f"{ledger['code']} has gone over from {before['code']} already."
        mend = f"Retry what is left of the rollover {other}."
        reasons.append(Reason("already-rolled-over", text, "/from_year_id", mend))
    if reasons:
        raise RolloverRefused(reasons=reasons)
    return years


async def _check_funds(connection: Connection, body: RolloverIn) -> None:
    named = [
        (fund_id, f"/budgets/{at}/fund_ids/{position}")
        for at, rule in enumerate(body.budgets)
        for position, fund_id in enumerate(rule.fund_ids or [])
    ]
    rows = await connection.fetch(
        "SELECT id FROM fund WHERE ledger_id = $1 AND id = ANY ($2::uuid[])",
        body.ledger_id,
        [fund_id for fund_id, _ in named],
    )
    known = {row["id"] for row in rows}
    if reasons := [
        Reason("fund-unknown", f"The ledger has no fund {fund_id}.", pointer, "Name one of its funds.")
        for fund_id, pointer in named
        if fund_id not in known
    ]:
        raise Invalid(reasons=reasons)
