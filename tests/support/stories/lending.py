"""What desks do with loans: lent, brought back, renewed, lost, kept for use, noted while a desk was cut off."""

import uuid
from dataclasses import dataclass
from typing import Any

from support.stories.day import Call, Day, post

OVERRIDE = {
    "blocks": ["item-held-for-another", "group-loan-limit", "fees-owed", "loan-limit", "patron-blocked"],
    "comment": "the dean",
}


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
        return post(
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
        return post("/v1/returns", item_id=day.item(self.item), service_point_id=day.desk(self.desk), **more)


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
            return post("/v1/returns:batch", **told)
        return post("/v1/loans:batch", patron_id=day.patron(self.patron), **told)


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
        return post(f"/v1/patrons/{day.patron(self.patron)}/loans:renew", all=True)


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
            "lost": post(f"{path}/losses", comment="left on a train"),
            "claimed": post(f"{path}/claims", comment="in the drop, Tuesday"),
            "missing": post(f"{path}/claim-resolutions", resolution="missing"),
            "given up": post(f"{path}/claim-resolutions", resolution="withdrawn"),
            "priced": post(f"{path}/costs", amount=2500, comment="as the shop says"),
            "priced at nothing": post(f"{path}/costs", amount=0, comment="out of print, and old"),
        }[self.how]


MISSED = ("lost", "claimed", "missing", "given up", "priced", "priced at nothing")


@dataclass(frozen=True, slots=True)
class Use:
    """What is used in the library is kept at the desk between two uses, or handed out again."""

    item: str
    how: str
    desk: str = "main-desk"

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (loan := day.loan(self.item)) is None:
            return None
        return post(f"/v1/loans/{loan['id']}/{self.how}", service_point_id=day.desk(self.desk))


USES = ("keepings", "pickups")


@dataclass(frozen=True, slots=True)
class CallOff:
    """An item on its way, if it is, is called off."""

    item: str
    reason: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return post(f"/v1/transits/{day.item(self.item)}/cancellations", reason=self.reason)


@dataclass(frozen=True, slots=True)
class Shelve:
    """The item is put back on its shelf."""

    item: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return post(f"/v1/service-points/{day.desk('main-desk')}/shelvings", item_id=day.item(self.item))


CALLED_OFF = ("not-sent", "not-arrived", "not-needed")


@dataclass(frozen=True, slots=True)
class HandIn:
    """A desk that was cut off hands in what it did some hours ago: it lent, or took back, or both."""

    item: str
    patron: str | None = None
    back: bool = False
    hours_ago: int = 3

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        what: dict[str, Any] = {"item_barcode": day.items[self.item].barcode}
        actions = []
        if self.patron is not None:
            lent = {"kind": "check-out", "at": day.later(-self.hours_ago / 24)}
            actions.append(what | lent | {"patron_barcode": day.patrons[self.patron]["barcode"]})
        if self.back or self.patron is None:
            actions.append(what | {"kind": "check-in", "at": day.later(-self.hours_ago / 24 + 1 / 24)})
        told = [action | {"id": str(uuid.uuid4())} for action in actions]
        return post("/v1/offline-uploads", service_point_id=day.desk("main-desk"), actions=told)
