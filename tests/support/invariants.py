"""What is always true of circulation, however its desks are used: checked between one act and the next."""

from collections import defaultdict
from typing import Any

from chassis.database import Connection
from circulation.items.rules import Copy, state_of
from circulation.merges.commands import MOVED
from contracts.circulation import (
    CalendarChanged,
    HoldCancelled,
    HoldExpired,
    HoldFilled,
    LoanRecalled,
    RulesActivated,
)
from contracts.events import Envelope
from support.harness import Harness
from support.limits_kept import Limits
from support.money import (
    GIVEN_BACK_TWICE,
    METHODS_UNLIKE_CASH,
    OWED_UNLIKE_FEES,
    REMAINING_UNLIKE_LEDGER,
    UNBALANCED,
)

INVARIANTS = {
    "a queue's positions are 1, 2, 3 …": """
        SELECT title_id FROM hold WHERE position IS NOT NULL
        GROUP BY title_id HAVING min(position) <> 1 OR max(position) <> count(*)""",
    "who is being served stands before who waits": """
        SELECT w.id FROM hold w JOIN hold s ON s.title_id = w.title_id AND s.position > w.position
        WHERE w.state = 'waiting' AND s.state IN ('ready', 'in-transit')""",
    "an item is lent once": """
        SELECT item_id FROM loan WHERE returned_at IS NULL GROUP BY item_id HAVING count(*) > 1""",
    "an item knows its loan, and the loan its due time": """
        SELECT i.id FROM item i FULL JOIN (SELECT * FROM loan WHERE returned_at IS NULL) l ON l.item_id = i.id
        WHERE i.loan_id IS DISTINCT FROM l.id OR i.due_at IS DISTINCT FROM l.due_at""",
    "a lent item lies nowhere and goes nowhere": """
        SELECT id FROM item WHERE loan_id IS NOT NULL AND (hold_shelf OR transit_to IS NOT NULL)""",
    "an item that is lost or claimed is known to be so": """
        SELECT i.id FROM item i JOIN loan l ON l.id = i.loan_id WHERE i.loss IS DISTINCT FROM CASE
            WHEN l.claimed_at IS NOT NULL THEN 'claimed-returned' WHEN l.lost_at IS NOT NULL THEN 'lost' END""",
    "an item is kept for a hold that is open, and for its patron": """
        SELECT i.id FROM item i LEFT JOIN hold h ON h.id = i.hold_id
        WHERE (i.hold_id IS NULL) <> (i.kept_for IS NULL)
           OR i.hold_id IS NOT NULL AND (h.position IS NULL OR h.patron_id <> i.kept_for)""",
    "an item waits on the hold shelf exactly when a hold is ready with it": """
        SELECT i.id, h.id FROM (SELECT * FROM item WHERE state = 'on-hold-shelf') i
        FULL JOIN (SELECT * FROM hold WHERE state = 'ready') h ON h.item_id = i.id AND h.id = i.hold_id
        WHERE i.id IS NULL OR h.id IS NULL OR NOT i.hold_shelf""",
    "a hold on its way has an item on its way": """
        SELECT h.id FROM hold h LEFT JOIN item i ON i.id = h.item_id AND i.hold_id = h.id
        WHERE h.state = 'in-transit' AND (i.transit_to IS NULL OR i.transit_to <> h.pickup_id)""",
    "a hold is kept one copy": "SELECT hold_id FROM item WHERE hold_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1",
    "an item fills one hold": """
        SELECT item_id FROM hold WHERE state IN ('ready', 'in-transit') GROUP BY 1 HAVING count(*) > 1""",
    "a patron's loans and claims are counted": """
        SELECT p.id FROM patron p WHERE (open_loans, claims_open) <> (
            SELECT count(*), count(claimed_at) FROM loan WHERE patron_id = p.id AND returned_at IS NULL)""",
    "what is owed is counted": OWED_UNLIKE_FEES,
    "each booking has two sides that sum to nothing": UNBALANCED,
    "what a fee leaves to pay is its balance": REMAINING_UNLIKE_LEDGER,
    "no fee is given back twice": GIVEN_BACK_TWICE,
    "money taken less money given back lies with the cash": METHODS_UNLIKE_CASH,
    "a fee is charged once for a loan and a cause": """
        SELECT loan_id FROM fee WHERE kind IN ('lost-item', 'lost-processing') AND remaining > 0
        GROUP BY loan_id, kind HAVING count(*) > 1""",
    "what is withdrawing is not out": """
        SELECT id FROM item WHERE withdrawal_id IS NOT NULL AND (loan_id IS NOT NULL OR hold_id IS NOT NULL)""",
    "what is withdrawn is neither lent nor held": """
        SELECT i.id FROM item i WHERE base = 'withdrawn' AND (loan_id IS NOT NULL OR hold_id IS NOT NULL OR EXISTS (
            SELECT FROM hold h WHERE h.item_id = i.id AND h.position IS NOT NULL))""",
    "what is kept at a desk for use is kept until a moment": """
        SELECT id FROM loan WHERE (in_library IS NOT DISTINCT FROM 'held') <> (held_until IS NOT NULL)""",
    "nobody comes to a slot that is taken": """
        SELECT service_point_id FROM pickup_appointment WHERE ended_at IS NULL
        GROUP BY service_point_id, starts_at HAVING count(*) > 1""",
    "nothing is left of a registration that was merged": f"""
        SELECT id FROM merged_patron m WHERE EXISTS (SELECT FROM patron p WHERE p.id = m.id)
            OR {" OR ".join(f"EXISTS (SELECT FROM {table} t WHERE t.{column} = m.id)" for table, column in MOVED)}""",
    "a reordering is told once": """
        SELECT q.title_id FROM hold_queue q WHERE q.version <> (SELECT count(*) FROM outbox o
            WHERE o.type = 'circulation.hold-queue-reordered.v1' AND o.key = q.title_id::text)""",
    "a reminder blocks as long as the loan is out and due when it was": """
        SELECT b.id FROM patron_block b JOIN loan l ON l.id = b.loan_id
        WHERE l.returned_at IS NOT NULL OR l.due_at <> b.for_due_at""",
    "no timer failed": "SELECT name FROM lease WHERE last_error IS NOT NULL",
}
_ALL = " UNION ALL ".join(
    f"SELECT {number} AS number WHERE EXISTS ({statement})"
    for number, statement in enumerate(INVARIANTS.values())
)
_VERSIONS = """
SELECT 'loan' AS kind, id, version FROM loan UNION ALL SELECT 'hold', id, version FROM hold
UNION ALL SELECT 'fee', id, version FROM fee UNION ALL SELECT 'item', id, told FROM item
UNION ALL SELECT 'patron', id, version FROM patron UNION ALL SELECT 'block', id, version FROM patron_block
UNION ALL SELECT 'relation of sponsor and proxy', id, version FROM patron_proxy
UNION ALL SELECT 'appointment', id, version FROM pickup_appointment
"""
_ITEMS = (
    "SELECT id, base, state, due_at, loan_id, hold_id, hold_shelf, transit_to, withdrawal_id, loss FROM item"
)
_LASTING = {kind.type for kind in (CalendarChanged, RulesActivated)}
"""Of what is older than a story."""
_CLOSED = {kind.type for kind in (HoldFilled, HoldCancelled, HoldExpired)}


class Watch:
    """Looks after one library: what has been told so far, and whether all of it still fits what is."""

    def __init__(self, circulation: Harness) -> None:
        self.circulation = circulation
        self.read = 0
        self.told: dict[str, int] = defaultdict(int)
        """By subject: the version of the last event."""
        self.closed: set[str] = set()
        self.available: dict[str, dict[str, Any]] = {}
        """By item: its availability as it was told last."""
        self.limits = Limits()
        self.configured = 0
        """The version of the configuration that was in force when it was looked last."""

    async def check(self) -> None:
        """Raise if anything that must always hold does not."""
        async with self.circulation.resources.pool.acquire() as connection:
            broken = await connection.fetch(_ALL)
            names = list(INVARIANTS)
            assert not broken, [names[row["number"]] for row in broken]
            await self._listen(await self._in_force(connection))
            for row in await connection.fetch(_VERSIONS):
                told = self.told[str(row["id"])]
                assert told == row["version"], (
                    f"every change of a {row['kind']} is one event: {dict(row)}, {told}"
                )
            for hold in await connection.fetch("SELECT id, position FROM hold"):
                ended = str(hold["id"]) in self.closed
                assert ended == (hold["position"] is None), f"a hold ends once, and tells of it: {dict(hold)}"
            for item in await connection.fetch(_ITEMS):
                copy = Copy(
                    item["base"],
                    on_loan=item["loan_id"] is not None,
                    awaited_on_shelf=item["hold_shelf"],
                    in_transit=item["transit_to"] is not None,
                    paged=item["hold_id"] is not None,
                    withdrawing=item["withdrawal_id"] is not None,
                    loss=item["loss"],
                )
                assert state_of(copy) == item["state"], f"one function says what state this is: {dict(item)}"
                if (last := self.available.get(str(item["id"]))) is not None:
                    assert last["state"] == item["state"], f"the last that was told is what is: {dict(item)}"

    async def _in_force(self, connection: Connection) -> list[dict[str, Any]]:
        """The configurations since the last look."""
        rows = await connection.fetch(
            "SELECT c.version, c.document FROM configuration_version c, reference r "
            "WHERE c.version BETWEEN coalesce(nullif($1, 0), r.version) AND r.version ORDER BY c.version",
            self.configured,
        )
        self.configured = rows[-1]["version"]
        return [row["document"] for row in rows]

    async def _listen(self, in_force: list[dict[str, Any]]) -> None:
        """What was told since: no gap in versions, no recall that gives a loan a later due time, no limit passed."""
        pool = self.circulation.resources.pool
        policies = {str(row["id"]): row["policy"] for row in await pool.fetch("SELECT id, policy FROM hold")}
        rows = await self.circulation.resources.pool.fetch(
            "SELECT seq, envelope FROM outbox WHERE seq > $1 ORDER BY seq", self.read
        )
        for row in rows:
            envelope = Envelope.model_validate_json(row["envelope"])
            self.read = row["seq"]
            if envelope.type in _LASTING:
                self.told.setdefault(envelope.subject, envelope.sequence - 1)
            known = self.told[envelope.subject]
            assert envelope.sequence == known + 1, f"no version is left out, none is told twice: {envelope}"
            self.told[envelope.subject] = envelope.sequence
            if envelope.type in _CLOSED:
                assert envelope.subject not in self.closed, f"a hold ends once: {envelope}"
                self.closed.add(envelope.subject)
            if envelope.type == LoanRecalled.type:
                recalled = LoanRecalled.model_validate(envelope.data)
                assert recalled.loan.due_at <= recalled.previous_due_at, (
                    f"no recall lengthens a loan: {envelope}"
                )
            self.limits.hear(envelope, in_force, policies)
            if (availability := envelope.data.get("availability")) is not None:
                before = self.available.get(availability["item_id"])
                in_order = before is None or before["version"] < availability["version"]
                assert in_order, f"availability is told in order: {envelope}"
                self.available[availability["item_id"]] = availability
        owed = {str(row["id"]): row["owed"] for row in await pool.fetch("SELECT id, owed FROM patron")}
        self.limits.look(owed, in_force)


async def fingerprint(circulation: Harness) -> dict[str, str]:
    """Everything that circulation keeps, table by table; equal before and after what changed nothing."""
    async with circulation.resources.pool.acquire() as connection:
        tables = [
            row["name"]
            for row in await connection.fetch(
                "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            )
        ]
        together = " UNION ALL ".join(
            f"SELECT '{table}' AS name, md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS sum FROM {table} t"
            for table in tables
        )
        return {row["name"]: row["sum"] for row in await connection.fetch(together)}
