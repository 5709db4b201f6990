"""A term of lending, told as plain actions in order, to be replayed through the desk's own doors.

The plan is drawn by chance from one seed, but each due time, fine and renewal is worked out by the library's
own rules, so that nothing in it is refused. What lies in the past is `Lend` and `Return`, which a desk can
date back; renewals, holds and payments happen now, in the order given.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from carrel.demo.patrons import DemoPatron, patrons
from carrel.demo.place import locations
from carrel.demo.policies import configuration
from carrel.demo.shelving import DemoItem, all_items
from circulation.fees.rules import Money, overdue_fine
from circulation.loans.rules import OpenLoan, due_at, renewed_due_at
from circulation.places.documents import ConfigurationDoc
from circulation.places.library import Desk, Library, library_of
from circulation.policies.rules import LoanPolicy, Rule

SEED: Final = 1471
OPEN_LOANS: Final = 220
OVERDUE: Final = 30
RETURNED: Final = 60
RETURNED_LATE: Final = 20
LENT_AGAIN: Final = 15
"""Of the returned loans, those whose item is out again."""
RENEWED: Final = 15
QUEUES, SINGLE_HOLDS, READY, IN_TRANSIT, PAGES = 5, 8, 7, 2, 4
PAID, PAID_IN_PART = 6, 4
HOME_DESKS: Final = {"main": "main-desk", "science": "science-desk", "porto": "porto-desk"}


@dataclass(frozen=True, slots=True)
class Lend:
    """An item goes out."""

    at: datetime
    patron_barcode: str
    item_barcode: str
    service_point: str


@dataclass(frozen=True, slots=True)
class Return:
    """An item comes in."""

    at: datetime
    item_barcode: str
    service_point: str


@dataclass(frozen=True, slots=True)
class Renew:
    """The open loan of an item is extended."""

    at: datetime
    item_barcode: str


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """A patron waits for a title (kind hold), or wants it fetched from the shelf (kind page)."""

    at: datetime
    patron_barcode: str
    title: str
    """Control number of the title."""
    item_barcode: str
    """One of its items, to find the title by."""
    kind: str
    pickup: str
    """Service point."""


@dataclass(frozen=True, slots=True)
class Pay:
    """Money for the fine that the late return of an item left."""

    at: datetime
    patron_barcode: str
    item_barcode: str
    amount: int | None
    """Minor units; None: all of it."""


Action = Lend | Return | Renew | PlaceHold | Pay


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan as planned."""

    patron: DemoPatron
    item: DemoItem
    desk: Desk
    rule: Rule
    lent_at: datetime
    due_at: datetime


def demo_library(year: int) -> Library:
    """The configuration as circulation's rules see it; ids of desks hang on their codes."""
    doc = ConfigurationDoc.model_validate(configuration(year))
    ids = {point.code: uuid5(NAMESPACE_URL, f"carrel:demo/{point.code}") for point in doc.service_points}
    return library_of(1, doc, ids)


def facts_of(item: DemoItem, group: str) -> dict[str, str | None]:
    """What a circulation rule asks of an item and a patron."""
    place = _PLACES[item.location]
    return {
        "patron_group": group,
        "location": item.location,
        "library": item.library,
        "campus": place.campus,
        "institution": place.institution,
        "material_type": item.material_type,
        "loan_type": item.loan_type,
    }


_PLACES = {location.code: location for location in locations()}


def activity(now: datetime) -> list[Action]:
    """The whole plan up to a moment (aware), in order."""
    return _Plan(now).actions()


class _Plan:
    """What has been planned so far, so that nothing contradicts it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.random = Random(SEED)  # noqa: S311 - a plan, not a secret
        self.library = demo_library(now.year)
        self.patrons = [
            patron
            for patron in patrons(now.date())
            if patron.expires_at is None or patron.expires_at > now + timedelta(days=1)
        ]
        self.debtor = next(patron for patron in self.patrons if patron.group == "undergraduate")
        self.patrons.remove(self.debtor)
        self.items = [item for item in all_items() if item.loan_type in ("standard", "short", "media")]
        self.random.shuffle(self.items)
        self.taken: set[str] = set()
        self.loans: Counter[str] = Counter()
        self.loans_under: Counter[tuple[str, str]] = Counter()
        self.holds: Counter[str] = Counter()
        self.titles_of: set[tuple[str, str]] = set()
        self.copies = Counter(item.title for item in all_items())

    def actions(self) -> list[Action]:
        """Everything, sorted by time; what happens now stays in the order in which it must."""
        to_return = self._loans(READY + IN_TRANSIT, self._current, single=True)
        held = self._loans(QUEUES + SINGLE_HOLDS, self._current, single=True)
        overdue = self._loans(OVERDUE, self._late)
        current = self._loans(OPEN_LOANS - OVERDUE - len(held), self._current)
        closed = self._closed(current)
        past: list[Action] = [self._lend(loan) for loan in [*to_return, *held, *overdue, *current]]
        for loan, returned_at in closed:
            past += [self._lend(loan), Return(returned_at, loan.item.barcode, loan.desk.code)]
        past.sort(key=lambda action: action.at)
        return [*past, *self._renewals(current), *self._holds(to_return, held), *self._payments(closed)]

    def _lend(self, loan: Loan) -> Lend:
        return Lend(loan.lent_at, loan.patron.barcode, loan.item.barcode, loan.desk.code)

    def _loans(
        self, wanted: int, when: Callable[[LoanPolicy, Desk], datetime | None], *, single: bool = False
    ) -> list[Loan]:
        """So many loans of items not yet taken. `single`: only of titles with one copy, for holds."""
        made: list[Loan] = []
        for item in self.items:
            if len(made) == wanted:
                break
            if item.barcode in self.taken or (single and not self._lone(item)):
                continue
            loan = self._loan(self._borrower(item), item, when)
            if loan is not None and (loan.due_at < self.now) == (when == self._late):
                made.append(self._remembered(loan))
        return made

    def _lone(self, item: DemoItem) -> bool:
        return self.copies[item.title] == 1 and item.loan_type == "standard"

    def _borrower(self, item: DemoItem) -> DemoPatron:
        """Somebody, more likely from the library where the item is."""
        near = [patron for patron in self.patrons if patron.library == item.library]
        return self.random.choice(near if self.random.random() < 0.7 else self.patrons)

    def _loan(
        self, patron: DemoPatron, item: DemoItem, when: Callable[[LoanPolicy, Desk], datetime | None]
    ) -> Loan | None:
        """A loan that the rules allow; None when they do not."""
        rule = self.library.rules.winning(facts_of(item, patron.group))
        policy = self.library.rules.loan[rule.loan]
        desk = self.library.by_code[HOME_DESKS[item.library]]
        limit = self.library.groups[patron.group].max_loans
        if (
            not policy.loanable
            or (patron.barcode, item.title) in self.titles_of
            or (limit is not None and self.loans[patron.barcode] >= limit)
            or (
                policy.max_loans is not None
                and self.loans_under[patron.barcode, policy.code] >= policy.max_loans
            )
        ):
            return None
        lent_at = when(policy, desk)
        if lent_at is None:
            return None
        due = due_at(policy, desk.calendar, lent_at=lent_at, expires_at=patron.expires_at)
        return Loan(patron, item, desk, rule, lent_at, due) if due > lent_at else None

    def _remembered(self, loan: Loan) -> Loan:
        self.taken.add(loan.item.barcode)
        self.loans[loan.patron.barcode] += 1
        self.loans_under[loan.patron.barcode, loan.rule.loan] += 1
        self.titles_of.add((loan.patron.barcode, loan.item.title))
        return loan

    def _current(self, policy: LoanPolicy, desk: Desk) -> datetime | None:
        """Some day of the running period."""
        return self._open_moment(desk, 1, policy.period.amount - 2)

    def _late(self, policy: LoanPolicy, desk: Desk) -> datetime | None:
        """So long ago that it is overdue by now."""
        return self._open_moment(desk, policy.period.amount + 6, policy.period.amount + 40)

    def _open_moment(
        self, desk: Desk, fewest: int, most: int, end: datetime | None = None
    ) -> datetime | None:
        """A moment so many days before an end (now) at which the desk was open; None when none was found."""
        for _ in range(40):
            ago = timedelta(days=self.random.randint(fewest, most), minutes=self.random.randint(0, 1439))
            at = (end or self.now) - ago
            if desk.calendar.is_open(at):
                return at
        return None

    def _closed(self, current: Sequence[Loan]) -> list[tuple[Loan, datetime]]:
        """Loans that have ended: on time, late, and the debtor's three films."""
        again = self.random.sample([loan for loan in current if loan.lent_at < self.now], LENT_AGAIN)
        planned: list[tuple[DemoItem, datetime]] = [(loan.item, loan.lent_at) for loan in again]
        fresh = [item for item in self.items if item.barcode not in self.taken]
        planned += [(item, self.now) for item in fresh]
        late_patrons: set[str] = set()
        made = [*self._films_of_the_debtor(fresh)]
        used = {loan.item.barcode for loan, _ in made}
        for item, before in planned:
            if len(made) == RETURNED:
                break
            late = len(late_patrons) < RETURNED_LATE - 3 and len(made) % 2 == 0
            patron = self._borrower(item)
            if item.barcode in used or (late and patron.barcode in late_patrons):
                continue
            ended = self._ended(patron, item, before, late=late)
            if ended is not None:
                made.append(ended)
                self._remembered(ended[0])
                used.add(item.barcode)
                late_patrons |= {patron.barcode} if late else set()
        return made

    def _ended(
        self, patron: DemoPatron, item: DemoItem, before: datetime, *, late: bool
    ) -> tuple[Loan, datetime] | None:
        """A loan that began and ended before a moment."""

        def when(policy: LoanPolicy, desk: Desk) -> datetime | None:
            return self._open_moment(desk, policy.period.amount + 25, policy.period.amount + 70, before)

        loan = self._loan(patron, item, when)
        if loan is None:
            return None
        returned_at = (
            loan.due_at + timedelta(days=self.random.randint(4, 12), hours=self.random.randint(0, 9))
            if late
            else loan.lent_at + (loan.due_at - loan.lent_at) * self.random.uniform(0.2, 0.95)
        )
        return (loan, returned_at) if returned_at < before - timedelta(hours=1) else None

    def _films_of_the_debtor(self, fresh: Sequence[DemoItem]) -> list[tuple[Loan, datetime]]:
        """One patron owes more than the group may: three films, each weeks late."""

        def when(policy: LoanPolicy, desk: Desk) -> datetime | None:
            return self._open_moment(desk, 60, 66)

        made: list[tuple[Loan, datetime]] = []
        for film in (item for item in fresh if item.loan_type == "media" and item.library == "porto"):
            if len(made) == 3:
                break
            loan = self._loan(self.debtor, film, when)
            if loan is not None:
                made.append((self._remembered(loan), loan.due_at + timedelta(days=30, hours=len(made))))
        return made

    def _renewals(self, current: Sequence[Loan]) -> list[Action]:
        """Loans that are renewed now, where that moves the due time."""
        made: list[Action] = []
        for loan in current:
            policy = self.library.rules.loan[loan.rule.loan]
            if len(made) < RENEWED and policy.renewable and loan.due_at - self.now < timedelta(days=20):
                due = renewed_due_at(
                    OpenLoan(loan.due_at, 0, recalled=False, holds_waiting=0),
                    policy,
                    loan.desk.calendar,
                    now=self.now,
                    expires_at=loan.patron.expires_at,
                )
                if due > loan.due_at:
                    made.append(Renew(self.now, loan.item.barcode))
        return made

    def _holds(self, to_return: Sequence[Loan], held: Sequence[Loan]) -> list[Action]:
        """Holds that wait, alone or in a queue; ready ones, those on their way, and pages."""
        made: list[Action] = []
        for place, loan in enumerate(held):
            made += self._queue(loan.item, 3 if place < QUEUES else 1)
        for place, loan in enumerate(to_return):
            home = HOME_DESKS[loan.item.library]
            away = "porto-desk" if home != "porto-desk" else "main-desk"
            pickup = home if place < READY else away
            made += self._queue(loan.item, 2 if place == 0 else 1, pickup=pickup)
            made.append(Return(self.now, loan.item.barcode, home))
        shelved = [item for item in self.items if item.barcode not in self.taken and self._lone(item)]
        for item in shelved[:PAGES]:
            made += self._queue(item, 1, kind="page")
        return made

    def _queue(
        self, item: DemoItem, length: int, *, kind: str = "hold", pickup: str | None = None
    ) -> list[PlaceHold]:
        """So many patrons who want a title and have neither a copy nor a hold yet."""
        waiting: list[PlaceHold] = []
        while len(waiting) < length:
            patron = self.random.choice(self.patrons)
            policy = self.library.rules.winning(facts_of(item, patron.group)).hold
            if kind not in self.library.rules.hold[policy].kinds:
                continue
            if (patron.barcode, item.title) in self.titles_of or self.holds[patron.barcode] >= 3:
                continue
            self.titles_of.add((patron.barcode, item.title))
            self.holds[patron.barcode] += 1
            desk = pickup or HOME_DESKS[patron.library]
            waiting.append(PlaceHold(self.now, patron.barcode, item.title, item.barcode, kind, desk))
        return waiting

    def _payments(self, closed: Sequence[tuple[Loan, datetime]]) -> list[Action]:
        """Some fines are paid, some in part, the rest are owed."""
        fined = [
            (loan, fine)
            for loan, returned_at in closed
            if loan.patron is not self.debtor and (fine := self.fine(loan, returned_at)).minor > 1
        ]
        whole = [Pay(self.now, loan.patron.barcode, loan.item.barcode, None) for loan, _ in fined[:PAID]]
        part = [
            Pay(self.now, loan.patron.barcode, loan.item.barcode, fine.minor // 2)
            for loan, fine in fined[PAID : PAID + PAID_IN_PART]
        ]
        return [*whole, *part]

    def fine(self, loan: Loan, returned_at: datetime) -> Money:
        """What a late return costs."""
        policy = self.library.rules.fine[loan.rule.fine]
        return overdue_fine(policy, loan.desk.calendar, due_at=loan.due_at, at=returned_at)
