"""Lists are read page by page, and a cursor is only ever one of ours."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import cursors
from chassis.ids import minted_at, uuid7
from chassis.problems import Invalid
from support.harness import Harness

SIMPLE = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


async def test_pages_hold_each_thing_once_while_others_are_made(tiny: Harness) -> None:
    made = [(await tiny.post("/v1/things", json={"name": "ä b"})).json()["id"] for _ in range(7)]

    seen, path = [], "/v1/things?name=%C3%A4+b&limit=3"
    while path:
        answer = await tiny.get(path)
        seen += [thing["id"] for thing in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")
        made.append((await tiny.post("/v1/things", json={"name": "other"})).json()["id"])

    assert seen == made[:7]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "bnVsbA",
        "W10",
        "WzEsMl0",
        "WyJ4Il0",
        "W251bGxd",
        "W1tdXQ",
        "ä",
        "a b",
        "%25%00"[:3],
        "=" * 9,
    ],
)
async def test_a_cursor_nobody_gave_out_is_refused(tiny: Harness, cursor: str) -> None:
    answer = await tiny.client.get("/v1/things", params={"cursor": cursor})

    assert answer.status_code == 422
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["cursor-unknown"]


@given(st.text() | st.text(alphabet="WyJ4Il0sMTIzbnVsbA-_=", max_size=30), st.integers(1, 3))
def test_any_text_is_a_key_of_so_many_parts_or_refused(told: str, parts: int) -> None:
    try:
        assert len(cursors.decode(told, parts=parts)) == parts
    except Invalid:
        return


@given(st.lists(SIMPLE, min_size=1, max_size=4))
def test_a_key_is_read_back(key: list[Any]) -> None:
    told = cursors.encode(*key)

    assert cursors.decode(told, parts=len(key)) == key
    assert told.isascii()
    assert not set(told) & set("+/= &?#")
    with pytest.raises(Invalid):
        cursors.decode(told, parts=len(key) + 1)


@given(st.text() | st.lists(SIMPLE, max_size=2).map(lambda key: cursors.encode(*key)))
def test_any_text_is_an_id_or_refused(told: str) -> None:
    try:
        assert isinstance(cursors.uuid_in(told), UUID)
    except Invalid:
        return


def test_ids_sort_by_the_moment_they_were_minted() -> None:
    ids = [uuid7() for _ in range(200)]

    assert len(set(ids)) == 200
    assert {told.version for told in ids} == {7}
    assert {told.variant for told in ids} == {"specified in RFC 4122"}
    assert [minted_at(told) for told in ids] == sorted(minted_at(told) for told in ids)
