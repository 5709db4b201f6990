"""Busy days at a library: whatever its desks, its catalogue and its clock may do, in any order and at once.

An act names people and things by the words of the story (`Lend("Ada", "Emma 1")`), never by an id, so that a
story means the same when it is told again, and a failure shrinks to the shortest one that still fails.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import asyncpg
import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.ids import uuid7
from circulation.app import SERVICE
from circulation.holds import ordering, queue
from circulation.tables import METADATA
from contracts.catalog import ItemBase, ItemState, ItemUpdated, ItemWithdrawalRequested, ItemWithdrawn
from contracts.circulation import ItemWithdrawalCleared
from contracts.events import Event
from support.desk import CONFIGURATION, NOW, Make, furnished
from support.harness import Harness, migrated, running
from support.invariants import Watch, fingerprint
from support.money import FEES
from support.postgres import TestServer

PATRONS = ("Ada", "Ben", "Cleo", "Dan")
"""Cleo is a visitor, who may have two loans."""
ITEMS = ("Emma 1", "Emma 2", "Emma at law", "Atlas", "Film 1", "Film 2")
TITLES = ("Emma", "Atlas", "Film")
DESKS = ("main-desk", "law-desk")
TIMERS = tuple(timer.name for timer in SERVICE.timers)
LIBRARY: dict[str, Any] = FEES | {
    "patron_groups": [
        {"code": "student", "name": "Students", "max_loans": 4, "max_owed": 4000},
        {"code": "visitor", "name": "Visitors", "max_loans": 2, "max_owed": 2000},
    ],
    "loan_policies": [
        CONFIGURATION["loan_policies"][0],
        CONFIGURATION["loan_policies"][1] | {"max_loans": 1, "renew_with_holds": True},
    ],
    "fine_policies": [
        CONFIGURATION["fine_policies"][0] | {"recall_amount": 50},
        {
            "code": "stern",
            "name": "Stern",
            "amount": 10,
            "unit": "hour",
            "cap": 700,
            "suspension": {"days": 1, "per_units": 24, "max_days": 10},
            "reminders": [{"after_days": 3, "amount": 100}, {"after_days": 10, "amount": 200}],
        },
    ],
    "hold_policies": [
        {"code": "usual", "name": "Usual", "shelf_days": 5, "unclaimed_fee": 50},
        {"code": "short", "name": "Short", "shelf_days": 2, "expires_after_days": 20, "max_holds": 2},
    ],
    "lost_policies": [
        {
            "code": "set",
            "name": "At a set cost",
            "age_after": {"amount": 30, "unit": "day"},
            "bill_after": {"amount": 3, "unit": "day"},
            "cost": "set",
            "amount": 3000,
            "processing_fee": {"declared": 500, "aged": 700},
        },
        {"code": "actual", "name": "At its actual cost", "cost": "actual", "keep_processing_fee": True},
    ],
    "rules": [
        {"when": {}, "loan": "four-weeks", "fine": "daily", "hold": "usual", "lost": "set"},
        {
            "when": {"material_type": ["video"]},
            "loan": "one-week",
            "fine": "stern",
            "hold": "short",
            "lost": "actual",
        },
    ],
}
WELL = {200, 201, 202, 204}
REFUSED = {404, 409, 412, 422}
"""Answers that a desk may get to what it asks in a story; anything else is a fault."""
OVERRIDE = {
    "blocks": ["item-held-for-another", "group-loan-limit", "fees-owed", "loan-limit", "patron-blocked"],
    "comment": "the dean",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A write, as it can be sent again."""

    method: str
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sent:
    """A write that was sent, and the answer to it, if one came."""

    call: Call
    key: str
    act: object
    answer: tuple[int, bytes] | None = None
    """The first answer that it was done."""
    open: bool = True
    """Nobody knows yet what became of it."""


def _first(names: tuple[str, ...], name: str, fits: Callable[[str], bool]) -> str | None:
    """The name, or else the next one that fits: few acts of a story shall come to nothing."""
    start = names.index(name)
    return next((found for found in names[start:] + names[:start] if fits(found)), None)


@dataclass
class Day:
    """A library open for a story: who and what is there, and what has been asked so far."""

    make: Make
    patrons: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, ItemState] = field(default_factory=dict)
    titles: dict[str, uuid.UUID] = field(default_factory=dict)
    now: datetime = NOW
    sent: list[Sent] = field(default_factory=list)
    loans: dict[uuid.UUID, asyncpg.Record] = field(default_factory=dict)
    """Open ones, by item."""
    holds: dict[tuple[str, uuid.UUID], asyncpg.Record] = field(default_factory=dict)
    """Open ones, by patron and title."""
    queues: dict[uuid.UUID, list[asyncpg.Record]] = field(default_factory=dict)
    fees: dict[str, list[asyncpg.Record]] = field(default_factory=dict)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    relations: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def circulation(self) -> Harness:
        """The service."""
        return self.make.circulation

    async def begin(self) -> None:
        """The people come in, the books are put up."""
        make = self.make
        self.circulation.at(self.now)
        for name in PATRONS:
            group = "visitor" if name == "Cleo" else "student"
            self.patrons[name] = await make.patron(family_name=name, group=group)
        self.titles = {title: uuid7() for title in TITLES}
        for name in ITEMS:
            self.items[name] = await make.item(
                title_ids=(self.titles[name.split()[0]],),
                short_title=name,
                material_type="video" if name.startswith("Film") else "book",
                location_id=make.locations["LAW" if name.endswith("law") else "MAIN"],
            )

    async def look(self) -> None:
        """What is out, held and owed just now: what the next acts can be about."""
        async with self.circulation.resources.pool.acquire() as connection:
            loans = await connection.fetch(
                "SELECT id, item_id, due_at, version FROM loan WHERE returned_at IS NULL"
            )
            holds = await connection.fetch(
                "SELECT id, patron_id, title_id, version FROM hold WHERE position IS NOT NULL"
            )
            self.queues = {title: await queue.rows_of(connection, title) for title in self.titles.values()}
            fees = await connection.fetch("SELECT id, patron_id, remaining FROM fee ORDER BY charged_at, id")
            blocks = await connection.fetch("SELECT id, patron_id FROM patron_block ORDER BY id")
            relations = await connection.fetch(
                "SELECT id, sponsor_id, proxy_id FROM patron_proxy WHERE revoked_at IS NULL"
            )
        names = {uuid.UUID(patron["id"]): name for name, patron in self.patrons.items()}
        self.loans = {row["item_id"]: row for row in loans}
        self.holds = {(names[row["patron_id"]], row["title_id"]): row for row in holds}
        self.fees, self.blocks = {}, {}
        for row in fees:
            self.fees.setdefault(names[row["patron_id"]], []).append(row)
        for row in blocks:
            self.blocks.setdefault(names[row["patron_id"]], []).append(str(row["id"]))
        self.relations = {
            (names[row["sponsor_id"]], names[row["proxy_id"]]): str(row["id"]) for row in relations
        }

    def desk(self, name: str) -> str:
        """A desk's id."""
        return str(self.make.desks[name])

    def item(self, name: str) -> str:
        """An item's id."""
        return str(self.items[name].item_id)

    def patron(self, name: str) -> str:
        """A patron's id."""
        return str(self.patrons[name]["id"])

    def loan(self, item: str) -> asyncpg.Record | None:
        """The item's open loan; of the next item that is out, where this one is not."""
        out = _first(ITEMS, item, lambda name: self.items[name].item_id in self.loans)
        return self.loans[self.items[out].item_id] if out else None

    def held(self, patron: str, title: str) -> asyncpg.Record | None:
        """The patron's open hold; of the next patron who waits for the title, where this one does not."""
        waits = _first(PATRONS, patron, lambda name: (name, self.titles[title]) in self.holds)
        return self.holds[waits, self.titles[title]] if waits else None

    def owing(self, patron: str) -> str | None:
        """The patron, or the next who has fees, settled or not."""
        return _first(PATRONS, patron, lambda name: name in self.fees)

    def later(self, days: float) -> str:
        """A moment some days from now; before it, with a minus."""
        return (self.now + timedelta(days=days)).isoformat()

    async def send(self, sent: Sent) -> None:
        """Ask, and hold the answer against what was answered before; a lost connection leaves it open."""
        call = sent.call
        try:
            answer = await self.circulation.client.request(
                call.method, call.path, json=call.body, headers={**call.headers, "Idempotency-Key": sent.key}
            )
        except httpx.TransportError:
            return
        sent.open = False
        assert answer.status_code in WELL | REFUSED, f"{sent.act}: {answer.status_code} {answer.text}"
        if answer.status_code in WELL:
            told = answer.status_code, answer.content
            assert sent.answer in (None, told), f"another answer to the same key: {sent.act}: {answer.text}"
            sent.answer = told
        elif sent.answer is not None:
            busy = answer.status_code == 409 and answer.json()["code"] == "request-in-flight"
            assert busy, f"what was done is refused when it is asked again: {sent.act}: {answer.text}"

    async def deliver(self, event: Event) -> None:
        """The catalogue tells something; as from any queue it comes again when the reaction was thwarted."""
        message = self.circulation.message(event, source="catalog")
        for _ in range(4):
            try:
                return await self.circulation.deliver_messages(message)
            except asyncpg.DeadlockDetectedError:
                await asyncio.sleep(0.02)
        raise AssertionError(f"could not react to {event}")


class Act(Protocol):
    """Something that somebody does."""

    def call(self, day: Day) -> Call | None:
        """The write that it comes to; None when there is nothing to do it with."""


def _post(path: str, **body: Any) -> Call:
    return Call("POST", path, body)


@dataclass(frozen=True, slots=True)
class Lend:
    """A check-out; some time ago, against what stands against it, by a proxy."""

    patron: str
    item: str
    desk: str = "main-desk"
    days_ago: int = 0
    override: bool = False
    proxy: str | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        more: dict[str, Any] = {"lent_at": day.later(-self.days_ago)} if self.days_ago else {}
        if self.override:
            more["override"] = OVERRIDE
        if self.proxy is not None:
            more["proxy_id"] = day.patron(self.proxy)
        return _post(
            "/v1/loans",
            patron_id=day.patron(self.patron),
            item_id=day.item(self.item),
            service_point_id=day.desk(self.desk),
            **more,
        )


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A check-in; said to have been in the drop for some days."""

    item: str
    desk: str = "main-desk"
    days_ago: int = 0
    claim: str | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        more = {"returned_at": day.later(-self.days_ago)} if self.days_ago else {}
        if self.claim is not None:
            more["claim_resolution"] = self.claim
        return _post("/v1/returns", item_id=day.item(self.item), service_point_id=day.desk(self.desk), **more)


@dataclass(frozen=True, slots=True)
class Pile:
    """Several items at once: taken back, or lent to somebody."""

    items: tuple[str, ...]
    patron: str | None = None
    desk: str = "main-desk"

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told: dict[str, Any] = {
            "item_barcodes": [day.items[item].barcode for item in self.items],
            "service_point_id": day.desk(self.desk),
        }
        if self.patron is None:
            return _post("/v1/returns:batch", **told)
        return _post("/v1/loans:batch", patron_id=day.patron(self.patron), **told)


@dataclass(frozen=True, slots=True)
class Renew:
    """A renewal of the item's loan."""

    item: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        loan = day.loan(self.item)
        return Call("POST", f"/v1/loans/{loan['id']}/renewals", None) if loan else None


@dataclass(frozen=True, slots=True)
class RenewAll:
    """Everything that the patron has."""

    patron: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return _post(f"/v1/patrons/{day.patron(self.patron)}/loans:renew", all=True)


@dataclass(frozen=True, slots=True)
class Redate:
    """Staff set the due time by hand."""

    item: str
    days: int

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (loan := day.loan(self.item)) is None:
            return None
        return Call(
            "PATCH",
            f"/v1/loans/{loan['id']}",
            {"due_at": day.later(self.days), "reason": "asked kindly"},
            {"If-Match": f'"{loan["version"]}"'},
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A hold on a title, or on an item."""

    patron: str
    what: str
    kind: str | None = None
    desk: str = "main-desk"

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told: dict[str, Any] = {"patron_id": day.patron(self.patron), "pickup_id": day.desk(self.desk)}
        if self.what in day.titles:
            told["title_id"] = str(day.titles[self.what])
        else:
            told["item_id"] = day.item(self.what)
        return _post("/v1/holds", **told, **({"kind": self.kind} if self.kind else {}))


@dataclass(frozen=True, slots=True)
class Change:
    """Something done with the patron's hold on a title."""

    patron: str
    title: str
    how: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (hold := day.held(self.patron, self.title)) is None:
            return None
        path, tag = f"/v1/holds/{hold['id']}", {"If-Match": f'"{hold["version"]}"'}
        copies = [name for name in ITEMS if name.split()[0] == self.title]
        return {
            "cancel": _post(f"{path}/cancellations"),
            "suspend": _post(f"{path}/suspensions"),
            "suspend for a week": _post(f"{path}/suspensions", until=day.later(7)),
            "resume": _post(f"{path}/resumptions"),
            "move to the first copy": _post(f"{path}/moves", item_id=day.item(copies[0])),
            "move to the last copy": _post(f"{path}/moves", item_id=day.item(copies[-1])),
            "pick up at the law desk": Call("PATCH", path, {"pickup_id": day.desk("law-desk")}, tag),
            "pick up at the main desk": Call("PATCH", path, {"pickup_id": day.desk("main-desk")}, tag),
            "wait three days more": Call("PATCH", path, {"expires_at": day.later(3)}, tag),
        }[self.how]


CHANGES = (
    "cancel",
    "suspend",
    "suspend for a week",
    "resume",
    "move to the first copy",
    "move to the last copy",
    "pick up at the law desk",
    "pick up at the main desk",
    "wait three days more",
)


@dataclass(frozen=True, slots=True)
class Reorder:
    """A queue is turned by some places, against the order that staff have before them."""

    title: str
    by: int = 1

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        title = _first(TITLES, self.title, lambda name: len(day.queues[day.titles[name]]) > 1)
        if title is None:
            return None
        rows = day.queues[day.titles[title]]
        holds = [str(row["id"]) for row in rows]
        pinned = sum(queue.waiting_of(row).pinned for row in rows)
        by = pinned + self.by % max(len(holds) - pinned, 1)
        wished = holds[:pinned] + holds[by:] + holds[pinned:by]
        tag = {"If-Match": f'"{ordering.version_of(rows)}"'}
        return Call("PUT", f"/v1/holds/queues/{day.titles[title]}", {"hold_ids": wished}, tag)


@dataclass(frozen=True, slots=True)
class Miss:
    """The item is lost, claimed to be back, not to be found, priced."""

    item: str
    how: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (loan := day.loan(self.item)) is None:
            return None
        path = f"/v1/loans/{loan['id']}"
        return {
            "lost": _post(f"{path}/losses", comment="left on a train"),
            "claimed": _post(f"{path}/claims", comment="in the drop, Tuesday"),
            "missing": _post(f"{path}/claim-resolutions", resolution="missing"),
            "given up": _post(f"{path}/claim-resolutions", resolution="withdrawn"),
            "priced": _post(f"{path}/costs", amount=2500, comment="as the shop says"),
            "priced at nothing": _post(f"{path}/costs", amount=0, comment="out of print, and old"),
        }[self.how]


MISSED = ("lost", "claimed", "missing", "given up", "priced", "priced at nothing")


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee by hand."""

    patron: str
    amount: int = 500

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return _post("/v1/fees", patron_id=day.patron(self.patron), type="damage", amount=self.amount)


@dataclass(frozen=True, slots=True)
class Settle:
    """Something done with one of the patron's fees: with all of it, or with a part."""

    patron: str
    how: str
    fee: int = 0
    amount: int | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (owing := day.owing(self.patron)) is None:
            return None
        fees = day.fees[owing]
        told: dict[str, Any] = (
            {} if self.amount is None or self.how == "cancellations" else {"amount": self.amount}
        )
        if self.how == "payments":
            told["method"] = "cash"
        else:
            told["comment"] = "so it was agreed"
        if self.how == "transfers":
            told["account"] = "bursar"
        return _post(f"/v1/fees/{fees[self.fee % len(fees)]['id']}/{self.how}", **told)


SETTLED = ("payments", "waivers", "refunds", "transfers", "cancellations")


@dataclass(frozen=True, slots=True)
class PayAll:
    """Money for whatever is owed, the oldest first; a terminal's reference says which money it is."""

    patron: str
    amount: int | None = None
    reference: str | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told: dict[str, Any] = {"method": "card"}
        if self.amount is not None:
            told["amount"] = self.amount
        if self.reference is not None:
            told["reference"] = self.reference
        return _post(f"/v1/patrons/{day.patron(day.owing(self.patron) or self.patron)}/payments", **told)


@dataclass(frozen=True, slots=True)
class Stop:
    """A block by hand."""

    patron: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return _post(
            f"/v1/patrons/{day.patron(self.patron)}/blocks", actions=["borrow", "renew"], note="see me"
        )


@dataclass(frozen=True, slots=True)
class Lift:
    """The oldest of the patron's blocks is lifted."""

    patron: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if not (blocks := day.blocks.get(self.patron)):
            return None
        return _post(
            f"/v1/patrons/{day.patron(self.patron)}/blocks/{blocks[0]}/liftings", reason="paid in kind"
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """The sponsor lets a proxy borrow, or no longer."""

    sponsor: str
    proxy: str
    ends: bool = False

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        path = f"/v1/patrons/{day.patron(self.sponsor)}/proxies"
        if not self.ends:
            return _post(path, proxy_id=day.patron(self.proxy))
        relation = day.relations.get((self.sponsor, self.proxy))
        return Call("DELETE", f"{path}/{relation}", None) if relation else None


@dataclass(frozen=True, slots=True)
class Twice:
    """The same write by two hands at the same moment, with one key."""

    act: Act


@dataclass(frozen=True, slots=True)
class Again:
    """A write from before is sent once more."""

    which: int


@dataclass(frozen=True, slots=True)
class Tell:
    """The catalogue changes an item's base state, as far as it goes by the rules between the two."""

    item: str
    base: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The catalogue would like to let an item go, and does, once circulation has cleared that."""

    item: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A timer's moment has come."""

    timer: str


Anything = Act | Twice | Again | Tell | Withdraw | Tick

_patron, _item = st.sampled_from(PATRONS), st.sampled_from(ITEMS)
_title, _desk = st.sampled_from(TITLES), st.sampled_from(DESKS)
_part = st.sampled_from((None, None, 100, 700))
_WRITES: list[tuple[int, st.SearchStrategy[Any]]] = [
    (4, st.builds(Lend, patron=_patron, item=_item, desk=_desk)),
    (1, st.builds(Lend, patron=_patron, item=_item, override=st.just(True))),
    (1, st.builds(Lend, patron=_patron, item=_item, days_ago=st.sampled_from((2, 40)))),
    (1, st.builds(Lend, patron=_patron, item=_item, proxy=_patron)),
    (4, st.builds(TakeBack, item=_item, desk=_desk)),
    (1, st.builds(TakeBack, item=_item, days_ago=st.just(2))),
    (1, st.builds(TakeBack, item=_item, claim=st.sampled_from(("returned-by-patron", "found-by-library")))),
    (
        1,
        st.builds(
            Pile,
            items=st.lists(_item, min_size=1, max_size=3, unique=True).map(tuple),
            patron=st.one_of(st.none(), _patron),
            desk=_desk,
        ),
    ),
    (2, st.builds(Renew, item=_item)),
    (1, st.builds(RenewAll, patron=_patron)),
    (1, st.builds(Redate, item=_item, days=st.sampled_from((1, 5, 60)))),
    (3, st.builds(Place, patron=_patron, what=st.one_of(_title, _item), desk=_desk)),
    (2, st.builds(Place, patron=_patron, what=_item, kind=st.sampled_from(("recall", "page", "hold")))),
    (1, st.builds(Place, patron=_patron, what=_title, kind=st.just("recall"))),
    (3, st.builds(Change, patron=_patron, title=_title, how=st.sampled_from(CHANGES))),
    (1, st.builds(Reorder, title=_title, by=st.integers(1, 3))),
    (2, st.builds(Miss, item=_item, how=st.sampled_from(MISSED))),
    (1, st.builds(Charge, patron=_patron, amount=st.sampled_from((100, 500, 2500)))),
    (
        2,
        st.builds(Settle, patron=_patron, how=st.sampled_from(SETTLED), fee=st.integers(0, 3), amount=_part),
    ),
    (
        1,
        st.builds(
            PayAll,
            patron=_patron,
            amount=_part,
            reference=st.sampled_from((None, "terminal 7", "terminal 8")),
        ),
    ),
    (1, st.builds(Stop, patron=_patron)),
    (1, st.builds(Lift, patron=_patron)),
    (1, st.builds(Trust, sponsor=_patron, proxy=_patron, ends=st.booleans())),
]
_BASES = ("active", "active", "missing", "damaged", "in-process", "restricted")


def _one_of(weighted: list[tuple[int, st.SearchStrategy[Any]]]) -> st.SearchStrategy[Any]:
    """One of these, each as often as its weight says."""
    kinds = [kind for weight, kind in weighted for _ in range(weight)]

    @st.composite
    def an_act(draw: st.DrawFn) -> Any:
        return draw(kinds[draw(st.integers(0, len(kinds) - 1))])

    return an_act()


_write = _one_of(_WRITES)
ACTS: st.SearchStrategy[Anything] = _one_of(
    [
        (12, _write),
        (1, st.builds(Twice, _write)),
        (1, st.builds(Again, st.integers(0, 8))),
        (1, st.builds(Tell, item=_item, base=st.sampled_from(_BASES))),
        (1, st.builds(Withdraw, item=_item)),
        (1, st.builds(Tick, timer=st.sampled_from(TIMERS))),
    ]
)


TERM: Final[tuple[Anything, ...]] = (
    Lend("Ada", "Emma 1"),
    Lend("Ben", "Emma 2", days_ago=40),
    Lend("Dan", "Film 1", days_ago=40),
    Place("Cleo", "Emma"),
    Place("Dan", "Emma"),
    Place("Ada", "Film 1"),
    Charge("Ben", 500),
    Trust("Ada", "Ben"),
)
"""What has happened before."""


class Faults(logging.Handler):
    """Collects what was logged as a fault: a timer swallows it, so that the rest goes on."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.found.append(self.format(record))


@dataclass
class Building:
    """The library's building: opened once for many stories, and emptied between them."""

    runner: asyncio.Runner
    make: Make
    faults: Faults = field(default_factory=Faults)
    stories: int = 0
    steps: int = 0
    asked: int = 0
    crashes: int = 0
    crash: Callable[[], Awaitable[None]] | None = None
    """Kills the process that answers and starts another, while acts are under way."""

    async def emptied(self) -> Day:
        """Nobody inside, nothing lent; the same rules."""
        self.stories += 1
        self.faults.found.clear()
        names = [f'"{table.name}"' for table in reversed(METADATA.sorted_tables) if table.name not in KEPT]
        statements = [f"DELETE FROM {name}" for name in (*names, "outbox", "inbox", "idempotency")]
        await self.make.circulation.resources.pool.execute(";".join(statements))
        day = Day(self.make)
        await day.begin()
        return day


KEPT = ("configuration_version", "reference", "service_point", "location")


@contextmanager
def building(runner: asyncio.Runner, server: TestServer) -> Iterator[Building]:
    """A library on a database of its own."""
    template = runner.run(server.template("circulation", lambda dsn: migrated(SERVICE, dsn)))
    dsn = runner.run(server.lend(template))
    house = running(SERVICE, dsn)
    circulation = runner.run(house.__aenter__())
    opened = Building(runner, runner.run(furnished(circulation)))
    logging.getLogger().addHandler(opened.faults)
    try:
        answer = runner.run(circulation.put("/v1/configuration/circulation", json=LIBRARY))
        assert answer.status_code == 200, answer.text
        yield opened
    finally:
        logging.getLogger().removeHandler(opened.faults)
        runner.run(house.__aexit__(None, None, None))
        runner.run(server.take_back(dsn))


class BusyDays(RuleBasedStateMachine):
    """A story: what happens at once, what time brings, what is asked again."""

    def __init__(self, building: Building) -> None:
        super().__init__()
        self.building = building
        self.day: Day | None = None
        self.watch: Watch | None = None

    @initialize(busy=st.booleans())
    def the_library_opens(self, busy: bool) -> None:
        """A new story, on an empty morning or in the middle of a term."""
        self.day = self._do(self.building.emptied())
        self.watch = Watch(self.day.circulation)
        for act in TERM if busy else ():
            self._do(self._at_once([act], killed=False))

    def _do(self, what: Any) -> Any:
        return self.building.runner.run(what)

    @rule(acts=st.lists(ACTS, min_size=2, max_size=6))
    def at_once(self, acts: Sequence[Anything]) -> None:
        """Several hands at the same moment."""
        self._do(self._at_once(acts, killed=False))

    @rule(days=st.sampled_from((0.1, 1, 3, 8, 30, 70)))
    def time_passes(self, days: float) -> None:
        """Some days later, with everything that falls due."""
        assert self.day is not None
        self.day.now += timedelta(days=days)
        self._do(self._tick())

    @rule(which=st.integers(0, 8))
    def asked_again_in_peace(self, which: int) -> None:
        """A write that was done is asked for once more: the same answer, and nothing at all is otherwise."""
        self._do(self._again(which))

    @precondition(lambda self: self.building.crash is not None)
    @rule(acts=st.lists(ACTS, min_size=3, max_size=8))
    def killed_meanwhile(self, acts: Sequence[Anything]) -> None:
        """The process that answers is killed; afterwards every desk asks again what got no answer."""
        self._do(self._at_once(acts, killed=True))

    @invariant()
    def everything_fits(self) -> None:
        """What must always hold, holds."""
        if self.watch is not None:
            self._do(self.watch.check())
            assert self.building.faults.found == [], "\n".join(self.building.faults.found)
            self.building.steps += 1

    async def _at_once(self, acts: Sequence[Anything], *, killed: bool) -> None:
        day = self.day
        assert day is not None
        day.now += timedelta(minutes=7)
        day.circulation.at(day.now)
        await day.look()
        begun: list[Awaitable[None]] = []
        for act in acts:
            begun += self._begun(day, act)
        self.building.asked += len(begun)
        if killed and self.building.crash is not None:
            begun.append(self.building.crash())
        told = await asyncio.gather(*begun, return_exceptions=True)
        for error in told:
            if isinstance(error, BaseException):
                raise error
        for sent in [sent for sent in day.sent if sent.open]:
            await day.send(sent)
            assert not sent.open, f"no answer at all: {sent.act}"

    def _begun(self, day: Day, act: Anything) -> list[Awaitable[None]]:
        match act:
            case Twice():
                hands = self._begun(day, act.act)
                return hands + [day.send(day.sent[-1]) for _ in hands]
            case Again():
                return [day.send(day.sent[-1 - act.which % len(day.sent)])] if day.sent else []
            case Tell():
                return [self._tell(day, act)]
            case Withdraw():
                return [self._withdraw(day, act.item)]
            case Tick():
                return [day.circulation.tick(act.timer)]
        call = act.call(day)
        if call is None:
            return []
        day.sent.append(Sent(call, str(uuid.uuid4()), act))
        return [day.send(day.sent[-1])]

    async def _tell(self, day: Day, act: Tell) -> None:
        item = day.items[act.item]
        if item.base_state is ItemBase.WITHDRAWN:
            return
        day.items[act.item] = told = item.model_copy(
            update={"version": item.version + 1, "base_state": ItemBase(act.base)}
        )
        await day.deliver(
            ItemUpdated(version=told.version, occurred_at=day.now, item_id=told.item_id, item=told)
        )

    async def _withdraw(self, day: Day, name: str) -> None:
        item, wish = day.items[name], uuid7()
        if item.base_state is ItemBase.WITHDRAWN:
            return
        await day.deliver(
            ItemWithdrawalRequested(
                version=1, occurred_at=day.now, withdrawal_id=wish, item_id=item.item_id, reason="worn"
            )
        )
        cleared = await day.circulation.announced(ItemWithdrawalCleared)
        if wish in {event.withdrawal_id for event in cleared}:
            item = day.items[name]
            day.items[name] = gone = item.model_copy(
                update={"version": item.version + 1, "base_state": ItemBase.WITHDRAWN}
            )
            await day.deliver(
                ItemWithdrawn(
                    version=gone.version,
                    occurred_at=day.now,
                    item_id=gone.item_id,
                    item=gone,
                    withdrawal_id=wish,
                    reason="worn",
                )
            )

    async def _tick(self) -> None:
        day = self.day
        assert day is not None
        day.circulation.at(day.now)
        for timer in TIMERS:
            await day.circulation.tick(timer)

    async def _again(self, which: int) -> None:
        day = self.day
        assert day is not None
        if not (done := [sent for sent in day.sent if sent.answer]):
            return
        before = await fingerprint(day.circulation)
        sent = done[-1 - which % len(done)]
        await day.send(sent)
        after = await fingerprint(day.circulation)
        changed = [table for table in after if after[table] != before[table]]
        assert changed == [], f"asking again changed {changed}: {sent.act}"
