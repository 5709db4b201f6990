"""Who waits for what, in which order, and who gets an item that came back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.calendars.rules import Calendar, NeverOpen
from circulation.patrons.rules import Beyond
from circulation.policies.rules import HoldPolicy
from circulation.proxies.rules import TEXTS as PROXY_TEXTS
from circulation.proxies.rules import ProxyRefusal


class HoldState(StrEnum):
    """What has become of a hold."""

    WAITING = "waiting"
    IN_TRANSIT = "in-transit"
    READY = "ready"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SHELF_EXPIRED = "shelf-expired"


KINDS: Final = ("hold", "page", "recall")
OPEN: Final = frozenset({HoldState.WAITING, HoldState.IN_TRANSIT, HoldState.READY})
IN_FULFILMENT: Final = frozenset({HoldState.IN_TRANSIT, HoldState.READY})


class HoldRefusal(StrEnum):
    """Why a hold cannot be placed. Codes never change."""

    NOTHING_TO_HOLD = "nothing-to-hold"
    KIND_NOT_ALLOWED = "kind-not-allowed"
    LEVEL_NOT_ALLOWED = "level-not-allowed"
    PICKUP_NOT_ALLOWED = "pickup-not-allowed"
    VOLUME_REQUIRED = "volume-required"
    DELIVERY_NOT_ALLOWED = "fulfilment-not-allowed"
    ADDRESS_TYPE_UNKNOWN = "address-type-unknown"
    ALREADY_HELD = "already-held"
    ALREADY_ON_LOAN = "already-on-loan-to-patron"
    HOLD_LIMIT = "hold-limit"
    CARD_EXPIRED = "card-expired"
    PATRON_INACTIVE = "patron-inactive"
    PATRON_BLOCKED = "patron-blocked"
    ITEM_OF_OTHER_TITLE = "item-of-other-title"
    COPY_ON_SHELF = "copy-on-shelf"
    FEES_OWED = "fees-owed"
    GROUP_LOAN_LIMIT = "group-loan-limit"
    OVERDUE_ITEMS = "overdue-items"
    OVERDUE_RECALLS = "overdue-recalls"
    RECALL_OVERDUE_DAYS = "recall-overdue-days"
    LOST_ITEMS = "lost-items"
    WARDS_OWE = "wards-owe"
    DAY_LIMIT = "hold-limit-per-day"
    NEW_ITEM_LOCAL = "new-item-local"
    TRANSFER_NOT_ALLOWED = "transfer-not-allowed"
    ADDRESS_MISSING = "address-missing"
    ON_SHELF_AT_PICKUP = "on-shelf-at-pickup"
    PROXY_IS_SPONSOR = "proxy-is-sponsor"
    PROXY_UNRELATED = "proxy-unrelated"
    PROXY_INACTIVE = "proxy-inactive"


TEXTS: Final = {
    HoldRefusal.NOTHING_TO_HOLD: "No copy can fill such a hold.",
    HoldRefusal.KIND_NOT_ALLOWED: "The hold policy does not allow this kind of hold here.",
    HoldRefusal.LEVEL_NOT_ALLOWED: "The hold policy does not allow holds of this level here.",
    HoldRefusal.PICKUP_NOT_ALLOWED: "It cannot be picked up there.",
    HoldRefusal.VOLUME_REQUIRED: "The title has several volumes: name the volume, or the item.",
    HoldRefusal.DELIVERY_NOT_ALLOWED: "The hold policy does not have it handed over in this way.",
    HoldRefusal.ADDRESS_TYPE_UNKNOWN: "Nothing is delivered to this type of address.",
    HoldRefusal.ALREADY_HELD: "The patron has as many holds on this title as the policy allows.",
    HoldRefusal.ALREADY_ON_LOAN: "The patron has a copy on loan already.",
    HoldRefusal.HOLD_LIMIT: "The patron has as many holds as the policy allows.",
    HoldRefusal.CARD_EXPIRED: "The patron's card has expired.",
    HoldRefusal.PATRON_INACTIVE: "The patron is not active.",
    HoldRefusal.PATRON_BLOCKED: "The patron is blocked.",
    HoldRefusal.ITEM_OF_OTHER_TITLE: "The item does not belong to this title.",
    HoldRefusal.COPY_ON_SHELF: "A copy is on its shelf: page it instead of waiting for another.",
    HoldRefusal.FEES_OWED: "The patron owes more than the group may.",
    HoldRefusal.GROUP_LOAN_LIMIT: "The patron has more items out than the group may.",
    HoldRefusal.OVERDUE_ITEMS: "The patron has more overdue items than the group may.",
    HoldRefusal.OVERDUE_RECALLS: "The patron has more overdue recalled items than the group may.",
    HoldRefusal.LOST_ITEMS: "The patron has more lost items than the group may.",
    HoldRefusal.WARDS_OWE: "Those the patron answers for owe more than the group may.",
    HoldRefusal.RECALL_OVERDUE_DAYS: "The patron keeps a recalled item longer than the group may.",
    HoldRefusal.NEW_ITEM_LOCAL: "It is new, and picked up only where its own library's items are at home for a while.",
    HoldRefusal.TRANSFER_NOT_ALLOWED: "No copy may be sent from its library to that pickup point.",
    HoldRefusal.ADDRESS_MISSING: "The patron has no address of this type that is valid today.",
    HoldRefusal.DAY_LIMIT: "The patron has placed as many holds today as the policy allows.",
    HoldRefusal.ON_SHELF_AT_PICKUP: "A copy is on its shelf at the pickup point: it can be borrowed at once.",
    HoldRefusal.PROXY_IS_SPONSOR: PROXY_TEXTS[ProxyRefusal.SELF][0],
    HoldRefusal.PROXY_UNRELATED: PROXY_TEXTS[ProxyRefusal.UNRELATED][0],
    HoldRefusal.PROXY_INACTIVE: PROXY_TEXTS[ProxyRefusal.INACTIVE][0],
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A copy that might fill a hold."""

    item_id: UUID
    requestable: frozenset[str]
    """Kinds that its state takes."""
    on_loan_to: UUID | None
    policy: HoldPolicy
    at_pickup: bool = False
    """It is for loan, and stands on its shelf where the hold would be picked up."""
    volume: str | None = None
    """What labels of its volume have in common; None: it is of none."""
    stays_home: bool = False
    """It is new, and the hold would be picked up elsewhere (L20)."""
    barred: frozenset[str] = frozenset()
    """Pickup points that its library sends no such item to (L25)."""

    @property
    def takes(self) -> frozenset[str]:
        """Kinds that its state takes. What stands on its shelf and may not be paged may be held."""
        if "page" in self.requestable and "page" not in self.policy.kinds:
            return self.requestable | {"hold"}
        return self.requestable


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that the patron has on the title already."""

    item_id: UUID | None = None
    """The item, if it is about one."""
    volume: str | None = None
    """The volume, or that of the item; None: any."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known when a patron wants a title or an item."""

    kind: str | None
    """hold, page or recall; None: whatever fits."""
    level: str
    item_id: UUID | None
    pickup_code: str | None
    """None: there is no such pickup point."""
    candidates: Sequence[Candidate]
    patron_id: UUID
    active: bool
    blocked: bool
    expires_at: datetime | None
    open_holds: int
    suspended_holds: int = 0
    """Those of the open ones that wait for nothing just now."""
    beyond: tuple[Beyond, ...] = ()
    """Limits of the patron's group that stand in the way of a hold (L86)."""
    placed_today: int = 0
    volume: str | None = None
    """The volume that is wanted, at the level of volumes."""
    held: Sequence[Held] = ()
    fulfilment: str = "hold-shelf"
    """hold-shelf or delivery."""
    address_known: bool = True
    """Whether the library delivers to this type of address."""
    address_there: bool = True
    """Whether the patron has one."""
    several_volumes: bool = False
    """Whether the title's copies are not all of one volume. Asked when a hold is placed."""


def kind_for(wish: Wish) -> str | None:
    """The kind of hold: as wished, else a page when a copy is on the shelf, else a hold.

    A kind by which some copy can serve goes first, so that one copy's hold is found where another's page is
    not allowed.
    """
    if wish.kind is not None:
        return wish.kind
    copies = fitting(wish)
    serving = {kind for copy in copies for kind in copy.takes if serves(copy, wish, kind)}
    taken = {kind for copy in copies for kind in copy.takes}
    return next((kind for offered in (serving, taken) for kind in ("page", "hold") if kind in offered), None)


def serves(copy: Candidate, wish: Wish, kind: str) -> bool:
    """Whether a copy can fill this wish by this kind of hold: its state and its policy allow all of it."""
    return (
        kind in copy.takes & copy.policy.kinds
        and _at_level(copy, wish)
        and _reaches(copy, wish)
        and wish.fulfilment in copy.policy.fulfilments
    )


def _at_level(copy: Candidate, wish: Wish) -> bool:
    """Whether its policy takes holds of this level; a title with volumes may want one to be named."""
    return wish.level in copy.policy.levels and not _wants_volume(copy, wish)


def _wants_volume(copy: Candidate, wish: Wish) -> bool:
    return wish.level == "title" and wish.several_volumes and copy.policy.volume_required


def fitting(wish: Wish) -> list[Candidate]:
    """The copies that a hold of this level is about."""
    if wish.item_id is not None:
        return [candidate for candidate in wish.candidates if candidate.item_id == wish.item_id]
    return [copy for copy in wish.candidates if wish.volume is None or copy.volume == wish.volume]


def refusals(wish: Wish, *, now: datetime) -> list[HoldRefusal]:
    """Every reason not to place the hold. Whoever can be helped by one copy is not refused for another."""
    copies = fitting(wish)
    kind = kind_for(wish)
    taking = [copy for copy in copies if kind in copy.takes]
    allowed = [copy for copy in taking if kind in copy.policy.kinds]
    levels = [copy for copy in allowed if wish.level in copy.policy.levels]
    named = [copy for copy in levels if not _wants_volume(copy, wish)]
    at_home = [copy for copy in named if _allows(copy, wish) and not copy.stays_home]
    reached = [copy for copy in named if _reaches(copy, wish)]
    handed = [copy for copy in reached if wish.fulfilment in copy.policy.fulfilments]
    limiting = handed or reached or named or levels or copies
    limits = [_room(copy.policy, wish) for copy in limiting]
    days = [_room_today(copy.policy, wish) for copy in limiting]
    again = [_room_on_title(copy.policy, wish) for copy in limiting]
    must_page = [copy for copy in copies if "hold" not in copy.takes and serves(copy, wish, "page")]
    applies = {
        HoldRefusal.ITEM_OF_OTHER_TITLE: wish.item_id is not None and not copies,
        HoldRefusal.NOTHING_TO_HOLD: bool(copies or wish.item_id is None) and not taking,
        HoldRefusal.KIND_NOT_ALLOWED: bool(taking) and not allowed,
        HoldRefusal.LEVEL_NOT_ALLOWED: bool(allowed) and not levels,
        HoldRefusal.VOLUME_REQUIRED: bool(levels) and not named,
        HoldRefusal.COPY_ON_SHELF: kind in ("hold", "recall") and wish.item_id is None and bool(must_page),
        HoldRefusal.PICKUP_NOT_ALLOWED: wish.pickup_code is None
        or (bool(named) and not any(_allows(copy, wish) for copy in named)),
        HoldRefusal.NEW_ITEM_LOCAL: any(_allows(copy, wish) for copy in named) and not at_home,
        HoldRefusal.TRANSFER_NOT_ALLOWED: bool(at_home) and not reached,
        HoldRefusal.DELIVERY_NOT_ALLOWED: bool(reached) and not handed,
        HoldRefusal.ADDRESS_TYPE_UNKNOWN: not wish.address_known,
        HoldRefusal.ADDRESS_MISSING: wish.address_known and not wish.address_there,
        HoldRefusal.ALREADY_HELD: not any(again) if again else bool(wish.held),
        HoldRefusal.ALREADY_ON_LOAN: any(copy.on_loan_to == wish.patron_id for copy in copies),
        HoldRefusal.HOLD_LIMIT: bool(limits) and not any(limits),
        HoldRefusal.DAY_LIMIT: bool(days) and not any(days),
        HoldRefusal.ON_SHELF_AT_PICKUP: any(
            copy.at_pickup and copy.policy.refuse_on_shelf_at_pickup for copy in copies
        ),
        HoldRefusal.CARD_EXPIRED: wish.expires_at is not None and wish.expires_at <= now,
        HoldRefusal.PATRON_INACTIVE: not wish.active,
        HoldRefusal.PATRON_BLOCKED: wish.blocked,
    }
    return [refusal for refusal, holds in applies.items() if holds] + [
        HoldRefusal(each.measure.value) for each in wish.beyond
    ]


def _room(policy: HoldPolicy, wish: Wish) -> bool:
    counted = wish.open_holds - (0 if policy.count_suspended else wish.suspended_holds)
    return policy.max_holds is None or counted < policy.max_holds


def _room_on_title(policy: HoldPolicy, wish: Wish) -> bool:
    """Whether the patron may have one more hold on the title: never two on one item, else as many as it says.

    Where volumes count apart, what is known to be about another volume does not count.
    """
    if wish.item_id is not None and any(held.item_id == wish.item_id for held in wish.held):
        return False
    about = wish.volume or next((copy.volume for copy in fitting(wish) if wish.item_id is not None), None)
    counted = [
        held
        for held in wish.held
        if not (policy.volumes_apart and held.volume and about and held.volume != about)
    ]
    return len(counted) < policy.max_holds_per_title


def _room_today(policy: HoldPolicy, wish: Wish) -> bool:
    return policy.max_holds_per_day is None or wish.placed_today < policy.max_holds_per_day


def _reaches(copy: Candidate, wish: Wish) -> bool:
    return _allows(copy, wish) and not copy.stays_home and wish.pickup_code not in copy.barred


def _allows(copy: Candidate, wish: Wish) -> bool:
    points = copy.policy.pickup_points
    return wish.pickup_code is not None and (points is None or wish.pickup_code in points)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hold in a title's queue."""

    hold_id: UUID
    position: int
    state: HoldState
    item_id: UUID | None
    """The item it is about, or that is to fill it."""
    level: str
    suspended: bool = False
    """It keeps its place, and is passed over."""
    kept: bool = False
    """A copy on its shelf is kept for it, until somebody fetches it."""
    volume: str | None = None
    """The volume that it is about, at the level of volumes."""
    pickup_id: UUID | None = None

    @property
    def pinned(self) -> bool:
        """Whether a copy is on its way to it, or waits: nobody moves it in the queue then."""
        return self.kept or self.state in IN_FULFILMENT


def hold_to_fill(
    item_id: UUID,
    queue: Sequence[Waiting],
    *,
    volume: str | None = None,
    barred: Collection[UUID] = (),
) -> Waiting | None:
    """Who gets this item, of this volume: the hold already on its way with it, else the first that it can fill.

    Suspended ones are passed over, and those picked up where the item is `barred` from.
    """
    ordered = sorted(queue, key=lambda hold: hold.position)
    for hold in ordered:
        if hold.state in IN_FULFILMENT and hold.item_id == item_id:
            return hold
    wanting = (hold for hold in ordered if _wants(hold, item_id, volume))
    return next((hold for hold in wanting if hold.pickup_id not in barred), None)


def passed_over(
    item_id: UUID,
    queue: Sequence[Waiting],
    chosen: Waiting | None,
    *,
    volume: str | None,
    barred: Collection[UUID],
) -> list[UUID]:
    """Holds that come before the chosen one, or wait where none is, and that the item may not be sent to."""
    return [
        hold.hold_id
        for hold in sorted(queue, key=lambda hold: hold.position)
        if _wants(hold, item_id, volume)
        and hold.pickup_id in barred
        and (chosen is None or (chosen.state not in IN_FULFILMENT and hold.position < chosen.position))
    ]


def _wants(hold: Waiting, item_id: UUID, volume: str | None) -> bool:
    """Whether it waits, and an item of this volume can fill it."""
    waits = hold.state is HoldState.WAITING and not hold.suspended
    of_volume = hold.level == "volume" and hold.volume == volume
    return waits and (hold.level == "title" or of_volume or hold.item_id == item_id)


def has_address(
    addresses: Iterable[tuple[str, date | None, date | None]], kind: str | None, *, today: date
) -> bool:
    """Whether one of these (kind, first and last day) is of the kind, and valid today; None: none is needed."""
    return kind is None or any(
        told == kind and (first is None or first <= today) and (last is None or today <= last)
        for told, first, last in addresses
    )


@dataclass(frozen=True, slots=True)
class CancellationReason:
    """Why a hold may be given up, as the library has it."""

    code: str
    name: str
    wording: Mapping[str, str] = field(default_factory=dict)
    """What the patron reads, by language."""
    needs_text: bool = False
    used_by: frozenset[str] = frozenset({"staff"})
    """`patron`, `staff` or both."""


PATRON_WISH: Final = CancellationReason(
    "patron-wish", "The patron no longer wants it.", used_by=frozenset({"patron", "staff"})
)
"""Always there; a library may word it otherwise."""


class CancellationFlaw(StrEnum):
    """Why a hold cannot be given up so. Codes never change."""

    REASON_UNKNOWN = "reason-unknown"
    REASON_NOT_YOURS = "reason-not-yours"
    TEXT_MISSING = "text-missing"


CANCELLATION_TEXTS: Final = {
    CancellationFlaw.REASON_UNKNOWN: (
        "There is no such reason.",
        "/reason",
        "Name one of /v1/holds/cancellation-reasons.",
    ),
    CancellationFlaw.REASON_NOT_YOURS: (
        "This reason is for others to give.",
        "/reason",
        "Name one of /v1/holds/cancellation-reasons.",
    ),
    CancellationFlaw.TEXT_MISSING: ("This reason needs some words.", "/text", "Say it in `text`."),
}
"""What is said, where in the input, and what would mend it."""


def cancellation_flaws(
    known: Mapping[str, CancellationReason], code: str, text: str | None, *, by: str
) -> list[CancellationFlaw]:
    """Everything wrong with a reason given by a `patron` or by `staff`."""
    reason = known.get(code)
    if reason is None:
        return [CancellationFlaw.REASON_UNKNOWN]
    applies = {
        CancellationFlaw.REASON_NOT_YOURS: by not in reason.used_by,
        CancellationFlaw.TEXT_MISSING: reason.needs_text and not (text or "").strip(),
    }
    return [flaw for flaw, holds in applies.items() if holds]


class ChangeRefusal(StrEnum):
    """Why a hold cannot be changed so. Codes never change."""

    IN_FULFILMENT = "hold-in-fulfilment"
    SUSPENDED = "hold-suspended"
    NOT_SUSPENDED = "hold-not-suspended"
    NOT_AHEAD = "moment-not-ahead"
    AFTER_EXPIRY = "after-expiry"
    BEYOND_POLICY = "beyond-policy"
    SAME_ITEM = "same-item"
    OTHER_VOLUME = "item-of-other-volume"
    ANY_COPY = "any-copy-will-do"
    FULFILMENT = "fulfilment-not-allowed"
    ADDRESS_TYPE = "address-type-unknown"
    ADDRESS_MISSING = "address-missing"


CHANGE_TEXTS: Final = {
    ChangeRefusal.IN_FULFILMENT: (
        "A copy is on its way to this hold, or waits for its patron.",
        "Cancel it, or let it be picked up.",
    ),
    ChangeRefusal.SUSPENDED: ("The hold is suspended.", "Resume it first."),
    ChangeRefusal.NOT_SUSPENDED: ("The hold is not suspended.", "Nothing needs to be done."),
    ChangeRefusal.NOT_AHEAD: ("This moment does not lie ahead.", "Name a later one."),
    ChangeRefusal.AFTER_EXPIRY: ("The hold runs out before.", "Name an earlier moment, or none."),
    ChangeRefusal.BEYOND_POLICY: ("It would wait longer than its policy allows.", "Name an earlier moment."),
    ChangeRefusal.SAME_ITEM: ("The hold is about this copy already.", "Name another copy of the title."),
    ChangeRefusal.OTHER_VOLUME: (
        "The hold is about a volume, and this copy is of another.",
        "Name a copy of that volume.",
    ),
    ChangeRefusal.FULFILMENT: (
        "The hold policy does not have it handed over in this way.",
        "Leave it as it was.",
    ),
    ChangeRefusal.ADDRESS_TYPE: (
        "Nothing is delivered to this type of address.",
        "Name one of the configuration's delivery_address_types.",
    ),
    ChangeRefusal.ADDRESS_MISSING: (
        "The patron has no address of this type that is valid today.",
        "Enter the address first, or name another type.",
    ),
    ChangeRefusal.ANY_COPY: (
        "The hold is for whichever copy comes first, and this one is neither on its shelf nor recalled for it.",
        "Leave it, or name a copy that is on its shelf.",
    ),
}
"""What is said, and what would mend it."""


def suspension_refusals(
    hold: Waiting, *, until: datetime | None, expires_at: datetime | None, now: datetime
) -> list[ChangeRefusal]:
    """Every reason not to suspend a hold until a moment (None: until it is resumed)."""
    applies = {
        ChangeRefusal.IN_FULFILMENT: hold.state in IN_FULFILMENT,
        ChangeRefusal.NOT_AHEAD: until is not None and until <= now,
        ChangeRefusal.AFTER_EXPIRY: until is not None and expires_at is not None and until >= expires_at,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def kind_after_move(hold: Waiting, kind: str, copy: Candidate, wish: Wish) -> str | None:
    """The kind that a hold is of at another copy: a page when it is on its shelf, else as before, else a hold."""
    offered = ("page", kind, "hold")
    return next((each for each in offered if serves(copy, wish, each)), None)


def move_refusals(hold: Waiting, kind: str | None, *, same: bool) -> list[ChangeRefusal]:
    """Every reason not to move a hold to a copy at which it would be of this kind."""
    applies = {
        ChangeRefusal.IN_FULFILMENT: hold.state in IN_FULFILMENT,
        ChangeRefusal.SUSPENDED: hold.suspended,
        ChangeRefusal.SAME_ITEM: same,
        ChangeRefusal.ANY_COPY: hold.level != "item" and kind == "hold" and not same,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def expiry_refusals(
    policy: HoldPolicy, *, placed_at: datetime, wished: datetime | None, now: datetime, by_patron: bool
) -> list[ChangeRefusal]:
    """Every reason not to let a hold wait until then; patrons stay within its policy."""
    longest = expires_at(policy, now=placed_at)
    applies = {
        ChangeRefusal.NOT_AHEAD: wished is not None and wished <= now,
        ChangeRefusal.BEYOND_POLICY: by_patron
        and longest is not None
        and (wished is None or wished > longest),
    }
    return [refusal for refusal, holds in applies.items() if holds]


def pickup_points(
    copies: Sequence[Candidate], level: str, kinds: frozenset[str], enabled: frozenset[str], *, placed: bool
) -> frozenset[str]:
    """Where a hold of one of these kinds may be picked up: policy and enabled points; wherever some copy's allows.

    `placed`: it is in the queue already, and its copies' states are asked no more.
    """
    reached: frozenset[str] = frozenset()
    for copy in copies:
        allowed = kinds & copy.policy.kinds if placed else kinds & copy.policy.kinds & copy.takes
        if allowed and level in copy.policy.levels:
            points = copy.policy.pickup_points
            reached |= (enabled if points is None else enabled & points) - copy.barred
    return reached


def expires_at(policy: HoldPolicy, *, now: datetime) -> datetime | None:
    """Until when an unfilled hold waits."""
    return None if policy.expires_after_days is None else now + timedelta(days=policy.expires_after_days)


def shelf_expires_at(
    policy: HoldPolicy, calendar: Calendar, *, now: datetime, days: int | None = None
) -> datetime:
    """Until when an item waits on the hold shelf: the end of the n-th open day; of the n-th, where none opens.

    The service point's own number of `days` goes before the policy's. Where closed days count, the time never
    ends on one: it ends with the next open day.
    """
    counted = days or policy.shelf_days
    day = calendar.day_of(now) + timedelta(days=counted)
    try:
        if not policy.shelf_counts_closed:
            return calendar.days_open_after(now, counted)
        return calendar.end_of_day(day if calendar.is_open_on(day) else calendar.open_day_from(day, 1))
    except NeverOpen:
        return calendar.end_of_day(day)


def recalled_due_at(
    policy: HoldPolicy, calendar: Calendar, *, lent_at: datetime, due_at: datetime, now: datetime
) -> datetime:
    """The due time after a recall: never later than it was, unless it is past and the policy may extend it.

    The later of the guaranteed minimum since the loan and the return interval from now (an overdue loan's own,
    where the policy has one), at the end of that day or of the next open one.
    """
    overdue = due_at < now
    interval = policy.recall_return_days
    if overdue and policy.recall_overdue_days is not None:
        interval = policy.recall_overdue_days
    guaranteed = lent_at + timedelta(days=policy.recall_minimum_days)
    wanted = now + timedelta(days=interval)
    day = calendar.day_of(max(guaranteed, wanted))
    if not calendar.is_open_on(day):
        try:
            day = calendar.open_day_from(day, 1)
        except NeverOpen:
            return due_at
    recalled = calendar.end_of_day(day)
    return recalled if overdue and policy.recall_may_extend else min(due_at, recalled)
