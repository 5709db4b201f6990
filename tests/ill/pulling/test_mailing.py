"""Slips are mailed at set times; a mail server that is away, refuses or hangs loses none of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ill.app import SERVICE
from ill.pulling.mailing import _CLAIM, send_due
from ill.pulling.rules import gap_after, given_up
from ill.settings import Settings
from support.harness import Harness, migrated, running
from support.lending import NOW, Make, furnished
from support.mail import MailServer, certified, mail_server
from support.otherlibrary import World

from .test_batches import batches, promised, schedule

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
DESKS = ("law@library.example", "stacks@library.example")
"""Two addresses."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By which the mail server is known."""
    return certified(tmp_path_factory.mktemp("mail"))


@pytest.fixture
async def post(certificate: Any) -> AsyncIterator[MailServer]:
    """The library's mail server."""
    async with mail_server(certificate[0]) as played:
        yield played


@pytest.fixture
async def ill(
    database: Callable[..., Awaitable[str]], post: MailServer, certificate: Any
) -> AsyncIterator[Harness]:
    """The service, with mail."""
    dsn = await database("ill", lambda dsn: migrated(SERVICE, dsn))
    settings = {
        "sealing_key": "a key of the tests' own",
        "mail_server": f"smtp+starttls://localhost:{post.port}",
        "mail_user": "slips",
        "mail_password": "secret",
        "mail_from": "ill@library.example",
        "mail_ca_file": str(certificate[1]),
        "mail_timeout": 3,
        "mail_attempts": 3,
    }
    async with running(SERVICE, dsn, settings=settings) as harness:
        yield harness


@pytest.fixture
async def make(ill: Harness) -> Make:
    """A library that takes part."""
    return await furnished(ill)


async def due(ill: Harness, world: World, make: Make, *to: str) -> str:
    """A batch was made at its time, for these addresses; its path."""
    told = await make.configure(lending={"pulling": [schedule(mail_to=to)]})
    assert told.status_code == 200, told.text
    await ill.tick("make-pull-slips")
    await promised(ill, await world.other(), "MAIN/STACKS/A 1", "LAW/STACKS/K 1")
    ill.at(NOW + DAY)
    await ill.tick("make-pull-slips")
    (batch,) = await batches(ill)
    return f"/v1/ill/pull-batches/{batch['id']}"


async def mails(ill: Harness, path: str) -> list[tuple[str, str, str | None]]:
    """To whom, how far, and what the server said."""
    told = (await ill.get(path)).json()["mails"]
    return [(one["recipient"], one["state"], one["error"]) for one in told]


async def test_slips_are_mailed_as_pdf_at_their_time_to_each_address_over_tls(
    ill: Harness, world: World, make: Make, post: MailServer
) -> None:
    path = await due(ill, world, make, *DESKS, DESKS[0])
    queued = await mails(ill, path)
    pdf = (await ill.get(f"{path}/pdf")).content

    sent = [await send_due(ill.resources) for _ in range(2)]

    assert [state for _, state, _ in queued] == ["queued", "queued"]
    assert sent == [2, 0]
    assert await mails(ill, path) == [(one, "sent", None) for one in DESKS]
    assert sorted(post.envelopes) == [("ill@library.example", [one], True) for one in DESKS]
    (attached,) = post.taken[0].iter_attachments()
    assert (attached.get_content_type(), attached.get_content()) == ("application/pdf", pdf)
    assert post.taken[0]["Subject"] == "Pull slips: all places (2)"
    assert post.taken[0]["Auto-Submitted"] == "auto-generated"


async def test_nothing_is_lost_while_the_mail_server_is_away(
    ill: Harness, world: World, make: Make, post: MailServer
) -> None:
    path = await due(ill, world, make, DESKS[0])
    post.refuses["HELLO"] = "421 closed for tonight"
    await send_due(ill.resources)
    early = await send_due(ill.resources)
    (away,) = await mails(ill, path)
    post.refuses.clear()
    ill.at(NOW + DAY + MINUTE)
    again = await send_due(ill.resources)

    assert (early, again) == (0, 1)
    assert away == (DESKS[0], "queued", "no mail server: SMTPConnectError")
    assert await mails(ill, path) == [(DESKS[0], "sent", None)]


@pytest.mark.parametrize(
    ("verb", "answer", "state", "error"),
    [
        ("RCPT", "550 no such desk", "given-up", "the address is refused: 550 no such desk"),
        ("RCPT", "451 later", "queued", "the address is refused: 451 later"),
        ("DATA", "554 too many slips", "given-up", "the mail is refused: 554 too many slips"),
        ("AUTH", "535 who are you", "queued", "the login is refused: 535"),
        ("STARTTLS", "454 not now", "queued", "no mail server: SMTPResponseException"),
    ],
)
async def test_what_is_refused_for_good_is_told_and_anything_else_tried_again(
    ill: Harness, world: World, make: Make, post: MailServer, verb: str, answer: str, state: str, error: str
) -> None:
    path = await due(ill, world, make, DESKS[0])
    post.refuses[verb] = answer

    await send_due(ill.resources)

    assert await mails(ill, path) == [(DESKS[0], state, error)]
    assert post.taken == []
    assert not any("AUTH" in line for line in post.hears[: post.hears.index("STARTTLS")])


async def test_one_address_that_is_refused_harms_no_other_and_after_enough_attempts_it_is_given_up(
    ill: Harness, world: World, make: Make, post: MailServer
) -> None:
    path = await due(ill, world, make, *DESKS)
    post.refuses[DESKS[0]] = "450 busy"
    for attempt in range(4):
        ill.at(NOW + DAY + attempt * timedelta(hours=1))
        await send_due(ill.resources)

    assert await mails(ill, path) == [
        (DESKS[0], "given-up", "the address is refused: 450 busy"),
        (DESKS[1], "sent", None),
    ]
    assert [to for _, to, _ in post.envelopes] == [[DESKS[1]]]


async def test_two_workers_send_each_mail_once_and_one_that_dies_leaves_it_to_the_next(
    ill: Harness, world: World, make: Make, post: MailServer
) -> None:
    await due(ill, world, make, *DESKS)
    await ill.resources.pool.fetch(_CLAIM, NOW + DAY, MINUTE, 1)  # and nothing more is heard of whoever did

    first = await asyncio.gather(*(send_due(ill.resources) for _ in range(3)))
    ill.at(NOW + DAY + MINUTE)
    second = await asyncio.gather(*(send_due(ill.resources) for _ in range(3)))

    assert (sum(first), sum(second)) == (1, 1)
    assert sorted(to for _, (to,), _ in post.envelopes) == sorted(DESKS)


async def test_mails_go_with_their_batch_and_need_a_mail_server(
    ill: Harness, world: World, make: Make
) -> None:
    await due(ill, world, make, DESKS[0])
    ill.at(NOW + 400 * DAY)
    await ill.tick("make-pull-slips")
    left = await ill.resources.pool.fetchval("SELECT count(*) FROM mail")
    wrong = [
        await make.configure(lending={"pulling": [schedule(mail_to=[to])]}) for to in ("x", "a@b\r\nBcc: c@d")
    ]

    assert left == 0
    assert [answer.status_code for answer in wrong] == [422, 422]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mail_server": "smtps://mail.example"}, "ILL_MAIL_FROM"),
        ({"mail_server": "mail.example"}, "mail_server"),
        ({"mail_user": "x"}, "go together"),
        (
            {
                "mail_server": "smtp://m.example",
                "mail_from": "a@b.example",
                "mail_user": "x",
                "mail_password": "y",
            },
            "in the clear",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(database_url="postgresql://x", transport_url="postgresql://x", **given)


def test_gaps_grow_to_an_hour() -> None:
    assert [gap_after(attempts) / MINUTE for attempts in (1, 2, 3, 7, 99)] == [1, 2, 4, 60, 60]
    assert [given_up(2, most=3, for_good=False), given_up(3, most=3, for_good=False)] == [False, True]
    assert given_up(1, most=3, for_good=True)
