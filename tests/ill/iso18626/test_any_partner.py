"""Partners say anything, in any order, twice, late and against themselves; staff and timers act; nothing breaks."""

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from contracts.ill import RequestProgressed
from ill.iso18626.grammar import GRAMMARS
from ill.requests.model import model_of
from support.harness import Harness
from support.lending import ARTICLE, BOOK, NOW, Make
from support.otherlibrary import Other, World, babbles, breaks, confirms, refuses, silent

ACTS = 45
STORIES = int(os.environ.get("CARREL_STORIES", "5"))
"""`CARREL_STORIES=200` for the long run."""
LATER = (NOW + timedelta(days=40)).isoformat()
INFO: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"answerYesNo": "Y"},
    {"answerYesNo": "N"},
    {"note": "ACCEPT. \u2603 <&>"},
    {"reasonUnfilled": "Mouldy", "retryAfter": LATER},
    {"offeredCosts": {"currencyCode": "JPY", "monetaryValue": "1500"}, "loanCondition": "LibraryUseOnly"},
    {"dueDate": LATER, "itemId": "THEIRS-1"},
    {"dueDate": "2000-01-01T00:00:00+00:00"},
)


class Story:
    """What happens, drawn from a seed; the same seed is the same story."""

    def __init__(self, ill: Harness, world: World, make: Make, seed: int) -> None:
        self.ill, self.world, self.make = ill, world, make
        self.chance = random.Random(seed)
        self.now = NOW
        self.said: list[tuple[Other, bytes]] = []
        self.ended: dict[str, str] = {}

    async def act(self, others: list[Other]) -> None:
        """One thing."""
        chance, other = self.chance, self.chance.choice(others)
        kind = chance.choice(
            ("supplier", "supplier", "partner", "asks", "staff", "staff", "wire", "time", "twice")
        )
        if kind == "supplier" and any(read == "request" for read, _ in other.heard):
            closed = GRAMMARS[other.speaks].closed
            status = chance.choice([*sorted(closed["status"]), None])
            said = other.saying(status, chance.choice(sorted(closed["reason"])), **dict(chance.choice(INFO)))
            await self._say(other, said)
        elif kind == "partner":
            action = chance.choice(sorted(GRAMMARS[other.speaks].closed["action"]))
            await other.does(
                action, chance.choice(("T1", "T2")), note=chance.choice((None, "Conditions accepted"))
            )
        elif kind == "asks":
            await other.asks(
                chance.choice(("T1", "T2")), serviceType=chance.choice(("Loan", "Copy", "CopyOrLoan"))
            )
        elif kind == "twice" and self.said:
            await self._say(*chance.choice(self.said))
        elif kind == "wire":
            other.answer = chance.choice((confirms, confirms, refuses, breaks, babbles, silent))
            await self.world.deliver()
        elif kind == "time":
            self.now += timedelta(hours=chance.choice((1, 30, 400)))
            self.ill.at(self.now)
            await self.ill.tick("watch-requests")
        elif kind == "staff":
            await self._lead_on()

    async def _say(self, other: Other, body: bytes) -> None:
        self.said.append((other, body))
        await other.send(body)

    async def _lead_on(self) -> None:
        requests = (await self.ill.get("/v1/ill/requests?limit=500")).json()["items"]
        request = self.chance.choice(requests)
        told = {
            "due_at": (self.now + timedelta(days=9)).isoformat(),
            "reason": "NotOnShelf",
            "library": "MAIN",
            "condition": "NoReproduction",
            "cost": {"minor": 900, "currency": "EUR"},
            "link": "https://here.example/1",
            "note": "words",
            "volumes": [self.chance.choice(("1", "2"))],
        }
        action = self.chance.choice(list(model_of(request["side"], request["model"]).actions.values()))
        body = {name: told[name] for name in (*action.needs, *action.takes) if name in told}
        answer = await self.make.try_to(request, action.name, **body)
        assert answer.status_code in (200, 409), (action.name, answer.text)

    async def holds(self) -> None:
        """What is true whatever happens."""
        pool = self.ill.resources.pool
        assert (
            await pool.fetch(
                "SELECT request_id FROM rota_entry WHERE state = 'active' GROUP BY 1 HAVING count(*) > 1"
            )
            == []
        )
        for row in await pool.fetch("SELECT id, number, side, model, state, ended FROM request"):
            assert row["ended"] == model_of(row["side"], row["model"]).states[row["state"]].end
            if row["number"] in self.ended:
                assert self.ended[row["number"]] == row["state"], row["number"]
            elif row["ended"]:
                self.ended[row["number"]] = row["state"]


@pytest.mark.parametrize("seed", range(STORIES), ids=lambda seed: f"story {seed}")
async def test_whatever_partners_say_no_message_breaks_us_and_no_request_leaves_its_model(
    ill: Harness, world: World, make: Make, seed: int
) -> None:
    story = Story(ill, world, make, seed)
    others = [
        await world.other("XX-SUPA", rank=1),
        await world.other("XX-SUPB", rank=2, speaks="2021-2", client_id="b"),
    ]
    patron = await make.patron()
    await make.request(patron, citation=BOOK | {"volumes": ["1", "2"]})
    await make.request(patron, service="copy", citation=ARTICLE)
    await world.deliver()

    for _ in range(ACTS):
        await story.act(others)
        await story.holds()

    # every message that went out was held against the schema when it came; events have no gap
    versions: dict[str, list[int]] = {}
    for envelope in await ill.envelopes(RequestProgressed):
        versions.setdefault(envelope.subject, []).append(envelope.sequence)
    assert all(told == list(range(2, len(told) + 2)) for told in versions.values())
