"""What becomes of patrons: stopped, trusted, merged into one; and what they do themselves."""

from dataclasses import dataclass

from support.harness import AS_PATRON
from support.stories.day import Call, Day, post


@dataclass(frozen=True, slots=True)
class Stop:
    """A block by hand."""

    patron: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return post(
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
        return post(
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
            return post(path, proxy_id=day.patron(self.proxy))
        relation = day.relations.get((self.sponsor, self.proxy))
        return Call("DELETE", f"{path}/{relation}", None) if relation else None


@dataclass(frozen=True, slots=True)
class Merge:
    """Two registrations turn out to be one person's."""

    survivor: str
    other: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        path = f"/v1/patrons/{day.patron(self.survivor)}/merges"
        return post(path, merged=[day.patron(self.other)])


@dataclass(frozen=True, slots=True)
class Oneself:
    """A patron signed in at home holds, gives up, renews."""

    patron: str
    what: str
    how: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        me = day.patron(self.patron)
        title = self.what.split()[0]
        hold, loan = day.held(self.patron, title), day.loan(self.what)
        call = {
            "hold": post("/v1/holds", title_id=str(day.titles[title]), pickup_id=day.desk("main-desk")),
            "give up": post(f"/v1/holds/{hold['id']}/cancellations") if hold else None,
            "suspend": post(f"/v1/holds/{hold['id']}/suspensions") if hold else None,
            "renew": Call("POST", f"/v1/loans/{loan['id']}/renewals", None) if loan else None,
            "renew all": post("/v1/patrons/me/loans:renew", all=True),
        }[self.how]
        return call and Call(call.method, call.path, call.body, {AS_PATRON: me})


ONESELF = ("hold", "give up", "suspend", "renew", "renew all")
