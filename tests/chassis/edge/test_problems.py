"""Whatever is sent, the answer is a problem that says what to mend, never a fault of ours."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.problems import MEDIA_TYPE, database_away
from support.harness import Harness


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"urn:carrel:problem:{code}"
    return dict(told)


async def test_every_wrong_field_is_told_at_once_with_its_place(tiny: Harness) -> None:
    answer = await tiny.post("/v1/things", json={"count": "many", "a/b~c": 1})

    told = assert_problem(answer, 422, "invalid")
    assert {(reason["code"], reason["pointer"]) for reason in told["reasons"]} == {
        ("missing", "/name"),
        ("int-parsing", "/count"),
        ("extra-forbidden", "/a~1b~0c"),
    }


async def test_a_body_that_is_no_object_points_at_the_whole(tiny: Harness) -> None:
    answer = await tiny.post("/v1/things", json=[1])

    assert [reason["pointer"] for reason in assert_problem(answer, 422, "invalid")["reasons"]] == [""]


async def test_a_wrong_parameter_is_named(tiny: Harness) -> None:
    answer = await tiny.get("/v1/things?limit=0")

    assert [reason["pointer"] for reason in assert_problem(answer, 422, "invalid")["reasons"]] == [
        "query/limit"
    ]


JSON_TYPES = ["application/json", "application/json; charset=utf-8", "application/vnd.thing+json"]


@pytest.mark.parametrize("media_type", JSON_TYPES)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"name": "a",}', 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"\\ud800": "x"}', 400),
        (b'{"name": "\\udc00\\ud800"}', 400),
        (b'{"name": NaN}', 400),
        (b"[" * 5000, 400),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"a\\u0000b": "x"}', 422),
        (b'{"name": "a", "count": 9223372036854775808}', 422),
        (b'{"name": "a", "count": -99999999999999999999999999999}', 422),
        (b'{"name": "a", "count": 1e400}', 422),
        (b'{"name": "a", "count": ' + b"9" * 5000 + b"}", 422),
    ],
)
async def test_what_cannot_be_read_or_stored_is_told(
    tiny: Harness, media_type: str, body: bytes, status: int
) -> None:
    answer = await tiny.post("/v1/things", content=body, headers={"Content-Type": media_type})

    assert answer.status_code in ({400, 422} if b"1e400" in body or b"999" in body else {status})
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.json()["reasons"]
    assert await tiny.resources.pool.fetchval("SELECT count(*) FROM thing") == 0


async def test_an_escaped_backslash_before_u0000_is_no_nul(tiny: Harness) -> None:
    answer = await tiny.post(
        "/v1/things", content=rb'{"name": "a\\u0000"}', headers={"Content-Type": "application/json"}
    )

    assert answer.json()["name"] == "a\\u0000"


async def test_astral_characters_pass(tiny: Harness) -> None:
    answer = await tiny.post(
        "/v1/things", content=b'{"name": "\\ud83d\\udcda"}', headers={"Content-Type": "application/json"}
    )

    assert answer.json()["name"] == "📚"


@pytest.mark.parametrize(
    "query",
    [
        "name=%00",
        "count=9223372036854775808",
        "count=-9223372036854775809",
        "count=1e3",
        "cursor=%00",
        "cursor=%ff",
        "limit=99999999999999999999999",
        "count=%D9%A3%00",
    ],
)
async def test_odd_parameters_are_told(tiny: Harness, query: str) -> None:
    answer = await tiny.get(f"/v1/things?{query}")

    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.parametrize("query", ["name=a&number=9223372036854775808", "name=%00", "name=a&number=-1e9"])
async def test_the_busy_paths_are_as_careful(tiny: Harness, query: str) -> None:
    answer = await tiny.get(f"/v1/things/busy-path?{query}")

    assert answer.status_code in (400, 422)


async def test_bytes_that_are_no_text_in_the_address_do_no_harm(tiny: Harness) -> None:
    for address in ("/v1/things?name=%ff%fe", "/v1/things?name=%ed%a0%80", "/v1/%ff/%ed%a0%80"):
        answer = await tiny.get(address)
        assert answer.status_code in (200, 404)


async def test_a_bug_is_told_as_ours_and_gives_nothing_away(tiny: Harness) -> None:
    await tiny.get("/v1/things/broken")  # the first request of an app goes the framework's way
    answer = await tiny.get("/v1/things/broken")

    assert_problem(answer, 500, "problem")
    assert "secret" not in answer.text


async def test_requests_begin_at_our_own_layer_and_pass_none_of_the_frameworks_before_it(
    tiny: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tiny.get("/v1/things")
    monkeypatch.setattr(tiny.app, "middleware_stack", None)
    monkeypatch.setattr(tiny.app, "build_middleware_stack", None)

    assert (await tiny.get("/v1/things")).status_code == 200


async def test_what_the_protocol_refuses_is_a_problem_too(tiny: Harness) -> None:
    assert_problem(await tiny.get("/v1/none"), 404, "not-found")
    answer = await tiny.delete("/v1/things")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"]


async def test_a_body_past_the_limit_is_refused(tiny: Harness) -> None:
    big = json.dumps({"name": "x" * (5 * 1024 * 1024)})

    answer = await tiny.post("/v1/things", content=big, headers={"Content-Type": "application/json"})

    assert_problem(answer, 413, "too-large")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    VALUES.map(json.dumps).map(str.encode),
    st.fixed_dictionaries({"name": VALUES}, optional={"count": VALUES, "refuse": VALUES})
    .map(json.dumps)
    .map(str.encode),
)


async def test_no_body_at_all_breaks_the_service(tiny: Harness) -> None:
    bodies: list[tuple[bytes, str]] = []

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(BODIES, st.sampled_from(JSON_TYPES))
    def collect(body: bytes, media_type: str) -> None:
        bodies.append((body, media_type))

    collect()
    for body, media_type in bodies:
        answer = await tiny.post("/v1/things", content=body, headers={"Content-Type": media_type})
        assert answer.status_code in (201, 400, 409, 422), (body, answer.text)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionRefusedError(), True),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), True),
        (asyncpg.ConnectionDoesNotExistError("gone"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.TooManyConnectionsError("sorry"), True),
        (TimeoutError(), True),
        (FileNotFoundError("a.txt"), False),
        (asyncpg.InterfaceError("cannot use a prepared statement"), False),
        (asyncpg.UniqueViolationError("twice"), False),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_a_lost_database_is_told_from_a_bug(error: Exception, away: bool) -> None:
    assert database_away(error) is away


async def test_a_lost_database_is_a_pause(tiny: Harness) -> None:
    pool = tiny.resources.pool
    await pool.close()

    answer = await tiny.get("/v1/things/busy-path?name=a")

    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]
    assert (await tiny.get("/health/ready")).status_code == 503
    assert (await tiny.get("/health/live")).status_code == 200
