"""What a subscriber gets: signed, thin, once in the log, in order for each key, and tried again as long as it takes."""

from datetime import timedelta

from aiohttp import web

from chassis.ids import uuid7
from contracts.gateway import WebhookDisabled, WebhookFailing
from support.library_events import CHECKED_IN, FEE_CHARGED, HOLD_READY, checked_in, fee_charged, hold_ready
from support.receiving import Hooks


async def test_a_subscriber_echoes_the_challenge_and_is_sent_what_it_asked_for(hooks: Hooks) -> None:
    await hooks.read()
    hooks.circulation.tell(checked_in())
    await hooks.read()
    made = await hooks.subscribe(CHECKED_IN, HOLD_READY)
    (wanted, ready) = hooks.circulation.tell(checked_in(), hold_ready())
    hooks.circulation.tell(fee_charged())
    await hooks.read()
    assert made["state"] == "unverified"

    await hooks.deliver()

    (secret,) = made["secrets"]
    assert (await hooks.told(made))["state"] == "active"
    assert set(hooks.receiver.ids) == {wanted, ready}
    for each in hooks.receiver.received:
        each.verify(secret["secret"])
    told = next(each.told for each in hooks.receiver.events if each.id == wanted)
    assert told["type"] == CHECKED_IN
    assert set(told) == {"type", "timestamp", "id", "source", "subject", "sequence", "epoch", "data"}


async def test_a_thin_payload_holds_ids_and_nothing_of_a_patron(hooks: Hooks) -> None:
    await hooks.subscribed(HOLD_READY, FEE_CHARGED)
    hold, fee = hold_ready(), fee_charged()
    hooks.circulation.tell(hold, fee)

    await hooks.deliver()

    told = {each.told["type"]: each.told["data"] for each in hooks.receiver.events}
    assert told == {
        HOLD_READY: {"hold_id": str(hold.hold_id), "title_id": str(hold.title_id)},
        FEE_CHARGED: {"fee_id": str(fee.fee_id)},
    }
    for each in hooks.receiver.events:
        assert str(hold.hold.patron_ref).encode() not in each.body
        assert str(fee.patron_ref).encode() not in each.body


async def test_a_whole_payload_under_an_agreement_is_the_event_as_it_was_told(hooks: Hooks) -> None:
    await hooks.subscribed(HOLD_READY, payload="full", data_agreement="DPA 2027-3")
    hold = hold_ready()
    hooks.circulation.tell(hold)

    await hooks.deliver()

    (told,) = hooks.receiver.events
    assert told.told["data"] == hold.model_dump(mode="json")
    assert told.told["partitionkey"] == str(hold.title_id)
    assert told.headers["traceparent"].startswith("00-")


async def test_filters_let_through_what_fits_all_of_them(hooks: Hooks) -> None:
    item = uuid7()
    by_library, by_place, by_key = (hooks.another() for _ in range(3))
    await hooks.subscribed(CHECKED_IN, receiver=by_library, libraries=["LAW"])
    await hooks.subscribed(
        CHECKED_IN, receiver=by_place, libraries=["LAW", "MAIN"], locations=["MAIN-STACKS"]
    )
    await hooks.subscribed(CHECKED_IN, receiver=by_key, keys=[str(item)])
    main, law, one = hooks.circulation.tell(
        checked_in(), checked_in(library="LAW"), checked_in(item, library="ART")
    )

    await hooks.deliver()

    assert (by_library.ids, by_place.ids, by_key.ids) == ([law], [main], [one])


async def test_a_failing_event_holds_back_its_own_key_and_nothing_else(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    stuck = uuid7()

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if str(stuck).encode() in await request.read() else 200)

    hooks.receiver.answer = answer
    first, second, other, third = hooks.circulation.tell(
        checked_in(stuck), checked_in(stuck, version=2), checked_in(), checked_in(stuck, version=3)
    )
    await hooks.deliver()
    assert sorted(hooks.receiver.ids) == sorted([first, other])
    assert {each["message_id"]: each["state"] for each in await hooks.log(made)} == {
        first: "pending",
        second: "pending",
        third: "pending",
        other: "delivered",
    }

    hooks.receiver.answer = None
    hooks.later(seconds=6)
    await hooks.deliver()

    again = [each for each in hooks.receiver.ids if each != other]
    assert again == [first, first, second, third]


async def test_every_try_is_logged_with_status_time_and_the_beginning_of_the_answer(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(503, text="down for maintenance\0" + "x" * 5000)
    (id_,) = hooks.circulation.tell(checked_in())
    await hooks.deliver()
    hooks.receiver.says(200, text="thanks")
    hooks.later(seconds=6)
    await hooks.deliver()

    (delivery,) = await hooks.log(made)
    last, first = await hooks.history(made, delivery["id"])

    assert (delivery["message_id"], delivery["state"], delivery["tries"]) == (id_, "delivered", 2)
    assert (delivery["last_status"], delivery["last_error"]) == (200, None)
    assert (first["status"], first["answer"][:20], len(first["answer"])) == (
        503,
        "down for maintenance",
        1023,
    )
    assert (last["number"], last["status"], last["answer"]) == (2, 200, "thanks")
    assert 0 <= last["took_ms"] < 2000


async def test_a_retry_after_is_waited_for_up_to_a_day(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(429, headers={"Retry-After": "7200"})
    hooks.circulation.tell(checked_in())
    await hooks.deliver()
    (waits,) = await hooks.log(made)

    hooks.receiver.says(503, headers={"Retry-After": "Sun, 06 Nov 2094 08:49:37 GMT"})
    hooks.later(hours=2, seconds=1)
    await hooks.deliver()
    (longer,) = await hooks.log(made)

    assert waits["due_at"] == (hooks.now - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    assert longer["due_at"] == (hooks.now + timedelta(days=1)).isoformat().replace("+00:00", "Z")


async def test_what_the_receiver_calls_wrong_is_tried_three_times_more_and_no_longer(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(404)
    item = uuid7()
    wrong, after = hooks.circulation.tell(checked_in(item), checked_in(item, version=2))

    for _ in range(5):
        await hooks.deliver()
        hooks.later(minutes=40)
    hooks.receiver.answer = None
    await hooks.deliver()

    states = {each["message_id"]: (each["state"], each["tries"]) for each in await hooks.log(made)}
    assert states[wrong] == ("failed", 4)
    assert states[after][0] == "delivered"


async def test_a_receiver_that_wants_nothing_more_is_left_alone_at_once(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(410)
    hooks.circulation.tell(checked_in())
    await hooks.deliver()
    hooks.circulation.tell(checked_in())
    hooks.later(days=1)
    await hooks.deliver()

    told = await hooks.told(made)
    assert (told["state"], told["reason"]) == ("disabled", "gone")
    assert len(hooks.receiver.ids) == 1
    (event,) = await hooks.gateway.announced(WebhookDisabled)
    assert (str(event.webhook_id), event.reason, event.owner) == (made["id"], "gone", "staff:operator")


async def test_four_days_down_then_up_and_everything_arrives_in_order(hooks: Hooks) -> None:
    await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(500)
    items = [uuid7() for _ in range(4)]
    sent: list[tuple[str, str]] = []
    for hour in range(96):
        if hour % 8 == 0:
            events = [checked_in(item, version=hour + 1) for item in items]
            ids = hooks.circulation.tell(*events)
            sent += zip(map(str, items), ids, strict=True)
        await hooks.deliver()
        hooks.later(hours=1)
    tried = len(hooks.receiver.ids)
    assert tried < 96 * 3

    hooks.receiver.received.clear()
    hooks.receiver.answer = None
    hooks.later(hours=12)
    await hooks.deliver()

    got = [(each.told["subject"], each.id) for each in hooks.receiver.events]
    assert len(got) == len(sent) == 48
    for item in map(str, items):
        assert [id_ for key, id_ in got if key == item] == [id_ for key, id_ in sent if key == item]


async def test_days_of_nothing_but_failures_are_told_and_end_it(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    hooks.receiver.says(500)
    began = hooks.now
    hooks.circulation.tell(checked_in())
    for _ in range(5 * 24 + 1):
        await hooks.deliver()
        await hooks.gateway.tick("look-after-webhooks")
        hooks.later(hours=1)

    told = await hooks.told(made)
    warned = await hooks.gateway.announced(WebhookFailing)
    (ended,) = await hooks.gateway.announced(WebhookDisabled)
    assert (told["state"], told["reason"]) == ("disabled", "failing")
    assert [(each.occurred_at - began).days for each in warned] == [1, 3]
    assert (ended.occurred_at - began, ended.reason) == (timedelta(days=5), "failing")
    assert [each.version for each in [*warned, ended]] == [1, 2, 3]
    assert ended.failing_since == began
