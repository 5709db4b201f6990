"""What becomes of holds: placed, changed, put into another order, ordered for a group, fetched at an agreed time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from circulation.holds import ordering, queue
from support.stories.day import Call, Day, first, post
from support.stories.library import ITEMS, TITLES

OVERRIDE = {
    "refusals": ["hold-limit", "group-loan-limit", "fees-owed", "patron-blocked", "copy-on-shelf"],
    "comment": "the dean",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A hold on a title, or on an item; against what stands against it."""

    patron: str
    what: str
    kind: str | None = None
    desk: str = "main-desk"
    override: bool = False

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told: dict[str, Any] = {"patron_id": day.patron(self.patron), "pickup_id": day.desk(self.desk)}
        if self.what in day.titles:
            told["title_id"] = str(day.titles[self.what])
        else:
            told["item_id"] = day.item(self.what)
        if self.override:
            told["override"] = OVERRIDE
        return post("/v1/holds", **told, **({"kind": self.kind} if self.kind else {}))


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
            "cancel": post(f"{path}/cancellations"),
            "suspend": post(f"{path}/suspensions"),
            "suspend for a week": post(f"{path}/suspensions", until=day.later(7)),
            "resume": post(f"{path}/resumptions"),
            "move to the first copy": post(f"{path}/moves", item_id=day.item(copies[0])),
            "move to the last copy": post(f"{path}/moves", item_id=day.item(copies[-1])),
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
        title = first(TITLES, self.title, lambda name: len(day.queues[day.titles[name]]) > 1)
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
class Order:
    """A title is held for everybody in the group."""

    title: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return post(f"/v1/hold-groups/{day.group}/orders", title_id=str(day.titles[self.title]))


@dataclass(frozen=True, slots=True)
class Book:
    """A patron will come tomorrow or the day after, at a quarter of the day that is shared with nobody."""

    patron: str
    days: int = 1
    hour: int = 11

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        at = (day.now + timedelta(days=self.days)).replace(hour=self.hour, minute=0, second=0, microsecond=0)
        told: dict[str, Any] = {"patron_id": day.patron(self.patron), "starts_at": at.isoformat()}
        return post("/v1/pickup-appointments", service_point_id=day.desk("main-desk"), **told)


@dataclass(frozen=True, slots=True)
class Meet:
    """Something becomes of the patron's appointment."""

    patron: str
    how: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (appointment := day.appointments.get(self.patron)) is None:
            return None
        return post(f"/v1/pickup-appointments/{appointment}/{self.how}")


MET = ("stagings", "arrivals", "deliveries", "cancellations")
