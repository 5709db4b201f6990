"""Every scenario of the test data as a conversation, twice: as the library that asks, and as the one that is asked.

The partner plays its part of the data word for word; ours is what our code makes of what a librarian would do. After
each message its confirmation, what we sent, the state and the last step are held against what should have come of it.
A scenario that is added is played as well; one that says something that nobody here has heard of fails until it is
entered below.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from lxml import etree

from chassis.principal import Principal
from support.conversations import Said, differences, scenarios
from support.harness import Harness
from support.lending import Make
from support.otherlibrary import SCHEMAS, Other, World, confirms, post, the_schema

VERSIONS = tuple(SCHEMAS)
ASKED, ASKING = "XX-SUPA", "XX-REQ1"

HEARD_BY_WHO_ASKS = {
    "WillSupply": ("supplier-will", "will-supply"),
    "WillSupply on condition": ("supplier-conditional", "condition-pending"),
    "Loaned": ("supplier-shipped", "shipped"),
    "Overdue": ("supplier-says-overdue", "overdue"),
    "Recalled": ("supplier-recalls", "recalled"),
    "RenewResponse Y": ("supplier-renews", "on-loan"),
    "CancelResponse Y": ("cancel-agreed", "cancelled"),
    "RetryPossible": ("supplier-offers-retry", "retry-pending"),
    "Unfilled": ("none-left", "end-of-rota"),
    "CopyCompleted": ("copy-supplied", "delivered"),
    "LoanCompleted": ("supplier-completes", "complete"),
}
"""What a message of the supplier brings about: the last step, and the state after it."""
DONE_BY_WHO_ASKS = {
    "Received": ("receive", "received"),
    "Renew": ("renew", None),
    "Cancel": ("cancel", "cancel-pending"),
    "ShippedReturn": ("ship-back", "return-shipped"),
    "Notification": ("accept-conditions", "will-supply"),
    "Retry": ("accept-retry", "sent"),
}
"""What a librarian does, and where that leads (None: nowhere)."""
HEARD_BY_WHO_IS_ASKED = {
    "New": ("placed", "new"),
    "Retry": ("placed", "new"),
    "Received": ("partner-received", "on-loan"),
    "Renew": ("partner-asks-renewal", None),
    "Cancel": ("agree-cancel", "cancelled"),
    "ShippedReturn": ("partner-returns", "return-in-transit"),
    "Notification": ("partner-agrees", "will-supply"),
}
DONE_BY_WHO_IS_ASKED = {
    "WillSupply": ("will-supply", "will-supply"),
    "WillSupply on condition": ("supply-on-condition", "condition-pending"),
    "Loaned": ("ship", "shipped"),
    "Recalled": ("recall", "recalled"),
    "RenewResponse Y": ("renew", "on-loan"),
    "RetryPossible": ("offer-retry", "retry-offered"),
    "Unfilled": ("cannot-supply", "unfilled"),
    "CopyCompleted": ("supply-copy", "copy-completed"),
    "LoanCompleted": ("receive-back", "complete"),
}
FOLLOWED_BY = {"ship": "checked-out"}
"""Where the act is not the last step: it is lent first, which circulation is not asked for here."""
BY_ITSELF = {"Overdue": ("past-due", "overdue"), "CancelResponse Y": (None, "cancelled")}
"""Nobody does these: a timer says the one, and the other is the answer to the message before it."""
OF_A_COPY = {
    ("Received", "asks"): ("receive", "delivered"),
    ("Received", "asked"): ("partner-received", "copy-completed"),
}
NEVER_OURS = {
    "requestingAgencyMessageConfirmation UnsupportedActionType Renew": "we do renew: it is known here, and answered",
}
"""Errors of the scenarios that we hear and never say, and why."""


LAST_STEP = "SELECT what FROM step WHERE request_id = $1 ORDER BY id DESC LIMIT 1"


def schema_says(body: bytes, version: str) -> list[str]:
    schema = the_schema(version)
    return [] if schema is None or schema.validate(etree.fromstring(body)) else [str(schema.error_log)]


class Conversation:
    """One scenario under way, and what was found wrong in it."""

    def __init__(self, ill: Harness, world: World, other: Other, name: str, said: list[Said]) -> None:
        self.ill, self.world, self.other, self.name, self.said = ill, world, other, name, said
        self.make = world.make
        self.ids: dict[str, str] = {}
        self.request: dict[str, Any] = {}
        self.state = ""
        self.wrong: list[str] = []

    @property
    def copy(self) -> bool:
        return self.said[0].get("serviceInfo/serviceType") == "Copy"

    def note(self, about: Said, found: list[str]) -> None:
        self.wrong += [f"{about.file}: {one}" for one in found]

    async def hear(self, said: Said, confirmation: Said | None) -> None:
        """The partner says it, at our door."""
        body = said.under(self.ids)
        by = Principal("client", self.other.client_id or "", frozenset({"ill:exchange"}))
        answer = await post(self.ill, body, by=by)
        told = Said(answer.content)
        self.note(said, schema_says(answer.content, self.other.speaks))
        echoed = Said(body)
        wanted = {
            "confirmationHeader/messageStatus": "OK",
            "confirmationHeader/timestampReceived": said.get("header/timestamp"),
            "confirmationHeader/requestingAgencyRequestId": echoed.request_id,
            "reasonForMessage": said.get("messageInfo/reasonForMessage"),
            "action": said.get("action"),
        }
        self.note(said, [f"{path}: {told.get(path)!r}" for path in wanted if told.get(path) != wanted[path]])
        if told.kind != f"{said.kind}Confirmation":
            self.note(said, [f"answered by {told.kind}"])
        if confirmation is not None:
            theirs = {one for one in confirmation.values if not one[0].endswith("/timestamp")}
            mapped = {(path, self.ids.get(text, text)) for path, text in theirs}
            self.note(confirmation, [f"{one} is missing" for one in sorted(mapped - told.values)])

    def answering(self, confirmation: Said | None) -> None:
        """The partner confirms the next as the scenario does, where it says how."""
        if confirmation is None:
            self.other.answer = confirms
            return
        body = confirmation.under(self.ids)
        self.other.answer = lambda kind, document: httpx.Response(200, content=body)

    async def sent(self, wanted: Said) -> None:
        """One message is sent: the one of the scenario."""
        before = len(self.other.raw)
        await self.world.deliver()
        new = self.other.raw[before:]
        if len(new) != 1:
            self.note(wanted, [f"{len(new)} messages were sent: {self.other.asked[before:]}"])
            return
        said = Said(new[0])
        if wanted.request_id not in self.ids:
            self.ids[wanted.request_id] = said.request_id
        if said.request_id != self.ids[wanted.request_id]:
            self.note(wanted, [f"of the request {said.request_id}"])
        self.note(wanted, differences(Said(wanted.under(self.ids)), said))

    async def stands(self, about: Said, step: str | None, state: str | None) -> None:
        """The last step, and the state after it (None: the one before)."""
        now = (await self.make.now(self.request))["state"]
        last = await self.ill.resources.pool.fetchval(LAST_STEP, self.request["id"])
        if now != (state or self.state):
            self.note(about, [f"{now} for {state or self.state}"])
        if step is not None and last != step:
            self.note(about, [f"the last step is {last}"])
        self.state = now

    async def play(self, ours: Callable[[Said], bool], heard: Any, do: Callable[..., Awaitable[Any]]) -> None:
        for at, said in enumerate(self.said):
            if said.kind.endswith("Confirmation"):
                continue
            after = self.said[at + 1] if at + 1 < len(self.said) else None
            confirmation = after if after and after.kind.endswith("Confirmation") else None
            self.ill.at(said.at)
            if ours(said):
                self.answering(confirmation)
                step, state = await do(said)
                await self.sent(said)
            else:
                await self.hear(said, confirmation)
                step, state = heard(said)
            await self.stands(said, step, state)


class Asks(Conversation):
    """We ask."""

    async def play_all(self) -> None:
        await self.play(lambda said: said.kind != "supplyingAgencyMessage", self.heard, self.do)

    def heard(self, said: Said) -> tuple[str, str]:
        return HEARD_BY_WHO_ASKS[said.short]

    async def do(self, said: Said) -> tuple[str | None, str | None]:
        if said.short == "New":
            self.request = await self.make.request(**wish(said))
            return "send", "sent"
        action, state = DONE_BY_WHO_ASKS[said.short]
        if self.copy:
            action, state = OF_A_COPY.get((said.short, "asks"), (action, state))
        await self.make.act(self.request, action)
        return action, state


class IsAsked(Conversation):
    """We are asked."""

    async def play_all(self) -> None:
        await self.play(lambda said: said.kind == "supplyingAgencyMessage", self.heard, self.do)

    async def hear(self, said: Said, confirmation: Said | None) -> None:
        await super().hear(said, confirmation)
        if said.kind == "request":
            self.ids[said.request_id] = said.request_id
            listed = await self.ill.get("/v1/ill/requests?side=lending")
            self.request = listed.json()["items"][0]
            if self.request["partners_request_id"] != said.request_id:
                self.note(said, ["no request came of it"])

    def heard(self, said: Said) -> tuple[str | None, str | None]:
        step, state = HEARD_BY_WHO_IS_ASKED[said.short]
        if self.copy:
            step, state = OF_A_COPY.get((said.short, "asked"), (step, state))
        return step, state

    async def do(self, said: Said) -> tuple[str | None, str | None]:
        if said.short in BY_ITSELF:
            await self.ill.tick("watch-requests")
            return BY_ITSELF[said.short]
        action, state = DONE_BY_WHO_IS_ASKED[said.short]
        await self.make.act(self.request, action, **told(said))
        return FOLLOWED_BY.get(action, action), state


def wish(said: Said) -> dict[str, Any]:
    """What a patron would have asked for, for this request to be made of it."""
    numbers = {
        element[0].getparent().findtext("{*}bibliographicItemIdentifierCode"): element[0]
        .getparent()
        .findtext("{*}bibliographicItemIdentifier")
        for element in said.element.iterfind(".//{*}bibliographicItemId")
    }
    citation = {
        "title": said.get("bibliographicInfo/title"),
        "author": said.get("bibliographicInfo/author"),
        "edition": said.get("bibliographicInfo/edition"),
        "article_title": said.get("bibliographicInfo/titleOfComponent"),
        "article_author": said.get("bibliographicInfo/authorOfComponent"),
        "volume": said.get("bibliographicInfo/volume"),
        "issue": said.get("bibliographicInfo/issue"),
        "pages": said.get("bibliographicInfo/pagesRequested"),
        "year": said.get("publicationInfo/publicationDate"),
        "isbn": numbers.get("ISBN"),
        "issn": numbers.get("ISSN"),
    }
    asked: dict[str, Any] = {
        "service": (said.get("serviceInfo/serviceType") or "").lower(),
        "citation": {name: value for name, value in citation.items() if value},
        "service_level": said.get("serviceInfo/serviceLevel"),
    }
    if amount := said.get("billingInfo/maximumCosts/monetaryValue"):
        asked["max_cost"] = money(amount, said.get("billingInfo/maximumCosts/currencyCode"))
    return {name: value for name, value in asked.items() if value is not None}


def money(amount: str, currency: str | None) -> dict[str, Any]:
    return {"minor": int(amount.replace(".", "")), "currency": currency}


def told(said: Said) -> dict[str, Any]:
    """What a librarian tells with the act that this message follows from."""
    costs = next((path for path, _ in said.values if path.endswith("offeredCosts/monetaryValue")), None)
    url = said.get("deliveryInfo/URL") or said.get("messageInfo/note")
    found: dict[str, Any] = {
        "due_at": said.get("statusInfo/dueDate"),
        "item_barcode": said.get("deliveryInfo/itemId"),
        "reason": said.get("messageInfo/reasonUnfilled") or said.get("messageInfo/reasonRetry"),
    }
    if said.short == "WillSupply on condition":
        found |= {
            "condition": said.get("deliveryInfo/loanCondition"),
            "note": said.get("messageInfo/note"),
        }
    elif said.short == "CopyCompleted":
        found = {"link": url}
    elif said.short == "Recalled":
        found |= {"note": said.get("messageInfo/note")}
        found["due_at"] = found["due_at"] or "2026-03-14T12:00:00Z"  # ours names a day, always
    if costs is not None:
        currency = said.get(costs.replace("monetaryValue", "currencyCode"))
        found["cost"] = money(said.get(costs) or "", currency)
    return {name: value for name, value in found.items() if value is not None}


async def played(
    ill: Harness, world: World, version: str, side: type[Asks] | type[IsAsked], us: str, them: str
) -> list[str]:
    """Every scenario with a request in it, from this side; what was wrong."""
    await world.make.configure(
        agency={"symbol": us},
        name=None,
        copyright={"compliance": "US-CCG"},
        times={"overdue_grace_days": 0},
    )
    other = await world.other(them, speaks=version, client_id="c1")
    wrong = []
    told_whole = [one for one in scenarios(version) if any(said.kind == "request" for said in one[1])]
    assert len(told_whole) >= 9
    for name, said in told_whole:
        conversation = side(ill, world, other, name, said)
        await conversation.play_all()
        wrong += conversation.wrong
    return wrong


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_scenario_is_played_by_us_as_the_library_that_asks(
    ill: Harness, world: World, version: str
) -> None:
    assert await played(ill, world, version, Asks, ASKING, ASKED) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_scenario_is_played_by_us_as_the_library_that_is_asked(
    ill: Harness, world: World, version: str
) -> None:
    assert await played(ill, world, version, IsAsked, ASKED, ASKING) == []


# --- scenarios of errors: confirmations alone ---


def errors(version: str) -> list[tuple[str, Said]]:
    """Each by its message and its error."""
    found = []
    for _, messages in scenarios(version):
        for said in messages:
            if said.get("errorData/errorType"):
                kind = f"{said.kind} {said.get('errorData/errorType')} {said.get('errorData/errorValue')}"
                found.append((kind, said))
    return found


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_error_of_the_scenarios_is_ours_to_say_or_never_is(
    ill: Harness, world: World, make: Make, version: str
) -> None:
    await make.configure(agency={"symbol": ASKED})
    both = Principal("client", "c1", frozenset({"ill:exchange"}))
    whole = {
        name: next(one for one in said if one.kind == "request")
        for name, said in scenarios(version)
        if said[0].kind == "request"
    }
    request = next(iter(whole.values()))
    supplying = next(
        one for _, said in scenarios(version) for one in said if one.short == "Loaned" and one.request_id
    )
    provoking = {
        "requestConfirmation UnrecognisedDataValue requestingAgencyRequestId": (
            (ASKED, ASKING),
            request.under({request.request_id: ""}),
        ),
        "supplyingAgencyMessageConfirmation UnrecognisedDataValue requestingAgencyRequestId": (
            (ASKING, ASKED),
            supplying.under({supplying.request_id: "R9"}).replace(b">RequestResponse<", b">StatusChange<"),
        ),
    }

    for kind, wanted in errors(version):
        if kind in NEVER_OURS:
            continue
        (us, them), body = provoking[kind]
        await make.configure(agency={"symbol": us})
        if them not in make.partners:
            await make.partner(them, client_id=f"of-{them}")
        by = Principal("client", f"of-{them}", both.scopes)
        said = Said((await post(ill, body, by=by)).content)
        theirs = {one for one in wanted.values if "timestamp" not in one[0]}
        assert not theirs - said.values, kind
        assert schema_says(wanted.body, version) == []
    assert await ill.resources.pool.fetchval("SELECT count(*) FROM request") == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_error_of_the_scenarios_is_heard(
    ill: Harness, world: World, make: Make, version: str
) -> None:
    found = dict(errors(version))
    other = await world.other(ASKED, speaks=version, client_id="c1")

    def answering(kind: str) -> None:
        body = found[kind].body
        other.answer = lambda kind, document: httpx.Response(200, content=body)

    answering("requestConfirmation UnrecognisedDataValue requestingAgencyRequestId")
    refused = await make.request()
    await world.deliver()
    other.answer = confirms
    lent = await make.request()
    await other.asks("T1")
    await world.deliver()
    await other.says("Loaned", dueDate="2027-04-01T00:00:00+00:00")
    await make.act(lent, "receive")
    await world.deliver()
    answering("requestingAgencyMessageConfirmation UnsupportedActionType Renew")
    await make.act(lent, "renew")
    await world.deliver()
    answering("supplyingAgencyMessageConfirmation UnrecognisedDataValue requestingAgencyRequestId")
    ours = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
    await make.act(ours, "will-supply")
    await world.deliver()

    why = "request-refused: UnrecognisedDataValue requestingAgencyRequestId"
    assert await make.rota(refused) == [(ASKED, "left", why)]
    renewed = await make.now(lent)
    assert (renewed["state"], renewed["attention"]) == ("received", "supplier-declines-renewal")
    assert renewed["renewal_pending"] is False  # and it may be asked again
    assert (await make.now(ours))["attention"] == "message-refused"
