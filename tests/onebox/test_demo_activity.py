"""The plan of a term, replayed through circulation's own rules: nothing in it is refused."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from carrel.demo.activity import (
    OPEN_LOANS,
    OVERDUE,
    Action,
    Lend,
    Pay,
    PlaceHold,
    Renew,
    Return,
    activity,
    demo_library,
    facts_of,
)
from carrel.demo.patrons import DemoPatron, patrons
from carrel.demo.shelving import DemoItem, all_items
from carrel.demo.titles import titles
from circulation.fees.rules import overdue_fine
from circulation.holds.rules import Candidate, Held, Wish, refusals
from circulation.items.rules import Copy, requestable
from circulation.loans.rules import (
    Borrower,
    OpenLoan,
    Piece,
    checkout_blocks,
    due_at,
    renewal_blocks,
    renewed_due_at,
)
from circulation.policies.rules import LoanPolicy

MOMENTS = [
    datetime(2026, 11, 24, 16, 20, tzinfo=UTC),
    datetime(2027, 1, 2, 3, 5, tzinfo=UTC),
    datetime(2027, 4, 5, 9, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 30, tzinfo=UTC),
]


def ident(text: str) -> UUID:
    return uuid5(NAMESPACE_URL, text)


@dataclass
class Open:
    """A loan that has not ended."""

    patron: DemoPatron
    policy: LoanPolicy
    fine: str
    desk: str
    due_at: datetime
    renewals: int = 0


@dataclass
class Stage:
    """A desk that plays the plan, refusing as the real one would."""

    now: datetime
    loans: dict[str, Open] = field(default_factory=dict)
    owed: Counter[str] = field(default_factory=Counter)
    fees: dict[tuple[str, str], int] = field(default_factory=dict)
    queues: dict[str, list[PlaceHold]] = field(default_factory=dict)
    ready: Counter[str] = field(default_factory=Counter)
    """Steps that returns for a hold took."""

    def __post_init__(self) -> None:
        self.library = demo_library(self.now.year)
        self.items = {item.barcode: item for item in all_items()}
        self.people = {person.barcode: person for person in patrons(self.now.date())}

    def borrower(self, person: DemoPatron, policy: LoanPolicy) -> Borrower:
        group = self.library.groups[person.group]
        own = [loan for loan in self.loans.values() if loan.patron is person]
        return Borrower(
            active=True,
            expires_at=person.expires_at,
            blocked=False,
            owed=self.owed[person.barcode],
            open_loans=len(own),
            open_loans_under_policy=sum(loan.policy is policy for loan in own),
            max_owed=group.max_owed,
            max_loans=group.max_loans,
        )

    def play(self, action: Action) -> None:
        match action:
            case Lend():
                self.lend(action)
            case Return():
                self.take_back(action)
            case Renew():
                self.renew(action)
            case PlaceHold():
                self.place(action)
            case Pay():
                self.pay(action)

    def lend(self, action: Lend) -> None:
        person, item = self.people[action.patron_barcode], self.items[action.item_barcode]
        rule = self.library.rules.winning(facts_of(item, person.group))
        policy = self.library.rules.loan[rule.loan]
        piece = Piece("active", on_loan=item.barcode in self.loans, withdrawing=False, kept_for=None)
        blocks = checkout_blocks(
            self.borrower(person, policy), piece, policy, patron_id=ident(person.barcode), now=self.now
        )
        assert blocks == [], action
        desk = self.library.by_code[action.service_point]
        due = due_at(policy, desk.calendar, lent_at=action.at, expires_at=person.expires_at)
        assert due > action.at
        self.loans[item.barcode] = Open(person, policy, rule.fine, desk.code, due)

    def take_back(self, action: Return) -> None:
        loan = self.loans.pop(action.item_barcode)
        policy = self.library.rules.fine[loan.fine]
        calendar = self.library.by_code[loan.desk].calendar
        if action.at > loan.due_at:
            fine = overdue_fine(policy, calendar, due_at=loan.due_at, at=action.at)
            self.owed[loan.patron.barcode] += fine.minor
            if fine.minor:
                self.fees[loan.patron.barcode, action.item_barcode] = fine.minor
        if waiting := self.queues.get(self.items[action.item_barcode].title):
            self.ready["ready" if waiting[0].pickup == action.service_point else "in-transit"] += 1

    def renew(self, action: Renew) -> None:
        loan = self.loans[action.item_barcode]
        told = OpenLoan(loan.due_at, loan.renewals, recalled=False, holds_waiting=0)
        calendar = self.library.by_code[loan.desk].calendar
        due = renewed_due_at(told, loan.policy, calendar, now=self.now, expires_at=loan.patron.expires_at)
        borrower = self.borrower(loan.patron, loan.policy)
        assert renewal_blocks(borrower, told, loan.policy, new_due_at=due, now=self.now) == [], action
        loan.due_at, loan.renewals = due, loan.renewals + 1

    def place(self, action: PlaceHold) -> None:
        person = self.people[action.patron_barcode]
        copies = [item for item in self.items.values() if item.title == action.title]
        assert self.items[action.item_barcode] in copies
        pickup = self.library.by_code[action.pickup]
        wish = Wish(
            kind=action.kind,
            level="title",
            item_id=None,
            pickup_code=pickup.code if pickup.pickup else None,
            candidates=[self.candidate(item, person.group) for item in copies],
            patron_id=ident(person.barcode),
            active=True,
            blocked=False,
            expires_at=person.expires_at,
            held=[Held() for h in self.queues.get(action.title, ()) if h.patron_barcode == person.barcode],
            open_holds=sum(
                h.patron_barcode == person.barcode for queue in self.queues.values() for h in queue
            ),
        )
        assert refusals(wish, now=self.now) == [], action
        self.queues.setdefault(action.title, []).append(action)

    def candidate(self, item: DemoItem, group: str) -> Candidate:
        policy = self.library.rules.hold[self.library.rules.winning(facts_of(item, group)).hold]
        loan = self.loans.get(item.barcode)
        takes = requestable(Copy("active", on_loan=loan is not None))
        return Candidate(ident(item.barcode), takes, ident(loan.patron.barcode) if loan else None, policy)

    def pay(self, action: Pay) -> None:
        fee = self.fees[action.patron_barcode, action.item_barcode]
        amount = action.amount if action.amount is not None else fee
        assert 0 < amount <= fee
        self.fees[action.patron_barcode, action.item_barcode] -= amount
        self.owed[action.patron_barcode] -= amount


@pytest.fixture(scope="module", params=MOMENTS, ids=lambda moment: f"{moment:%Y-%m-%d}")
def played(request: pytest.FixtureRequest) -> Stage:
    """The plan for a moment, played to its end."""
    stage = Stage(request.param)
    for action in activity(request.param):
        stage.play(action)
    return stage


def test_the_rules_refuse_nothing_and_the_right_loans_are_left(played: Stage) -> None:
    overdue = [loan for loan in played.loans.values() if loan.due_at < played.now]

    assert len(played.loans) == OPEN_LOANS
    assert len(overdue) == OVERDUE
    assert sum(loan.renewals for loan in played.loans.values()) >= 10
    assert {loan.policy.code for loan in played.loans.values()} >= {
        "standard-28",
        "research-90",
        "guest-14",
        "media-7",
        "short-7",
    }


def test_holds_wait_in_queues_of_three_and_some_are_ready(played: Stage) -> None:
    lengths = Counter(map(len, played.queues.values()))

    assert 33 <= sum(map(len, played.queues.values())) <= 40
    assert lengths[3] == 5
    assert played.ready == {"ready": 7, "in-transit": 2}


def test_fees_are_owed_paid_and_paid_in_part(played: Stage) -> None:
    left = list(played.fees.values())
    over = [
        person
        for person in played.people.values()
        if played.owed[person.barcode] > (played.library.groups[person.group].max_owed or 0)
    ]

    assert 15 <= len(left) <= 20
    assert sum(remaining == 0 for remaining in left) == 6
    assert len(over) == 1


@pytest.mark.parametrize("now", MOMENTS, ids=lambda moment: f"{moment:%Y-%m-%d}")
def test_actions_come_in_order_and_none_lies_ahead(now: datetime) -> None:
    plan = activity(now)

    assert [action.at for action in plan] == sorted(action.at for action in plan)
    assert max(action.at for action in plan) <= now
    assert min(action.at for action in plan) > now - timedelta(days=400)
    assert all(action.at == now for action in plan if not isinstance(action, Lend | Return))


def test_the_same_moment_makes_the_same_plan() -> None:
    assert activity(MOMENTS[0]) == activity(MOMENTS[0])


def test_actions_name_only_what_exists() -> None:
    known = {
        "patron_barcode": {person.barcode for person in patrons(MOMENTS[0].date())},
        "item_barcode": {item.barcode for item in all_items()},
        "title": {title.number for title in titles()},
        "service_point": set(demo_library(2026).by_code),
        "pickup": set(demo_library(2026).by_code),
    }

    for action in activity(MOMENTS[0]):
        for name, codes in known.items():
            if hasattr(action, name):
                assert getattr(action, name) in codes


def test_some_items_go_out_again_after_they_came_back() -> None:
    lent = Counter(action.item_barcode for action in activity(MOMENTS[0]) if isinstance(action, Lend))

    assert sum(times > 1 for times in lent.values()) >= 10
