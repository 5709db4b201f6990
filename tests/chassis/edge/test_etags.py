"""Who changes something says which version they read."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.etags import etag, expected_version
from chassis.problems import Stale
from support.harness import Harness


async def test_a_change_needs_the_version_that_was_read(tiny: Harness) -> None:
    made = await tiny.post("/v1/things", json={"name": "a"})
    path = made.headers["Location"]

    without = await tiny.patch(path, json={"name": "b"})
    changed = await tiny.patch(path, json={"name": "b"}, headers={"If-Match": made.headers["ETag"]})
    stale = await tiny.patch(path, json={"name": "c"}, headers={"If-Match": made.headers["ETag"]})

    assert (without.status_code, without.json()["code"]) == (428, "if-match-required")
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (stale.headers["ETag"], stale.json()["current_version"]) == ('"2"', 2)


@pytest.mark.parametrize("told", ["*", '"x"', '"1", "2"', '"²"', "-1", '""', '"9999999999999999999999"'])
async def test_a_tag_that_was_not_given_out_is_stale(tiny: Harness, told: str) -> None:
    made = await tiny.post("/v1/things", json={"name": "a"})

    answer = await tiny.patch(
        made.headers["Location"], json={"name": "b"}, headers=[(b"If-Match", told.encode("latin-1"))]
    )

    assert answer.status_code == 412


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_version_or_stale(told: str) -> None:
    try:
        assert 0 <= asyncio.run(expected_version(told)) < 2**63
    except Stale:
        return


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_tag_is_read_back(version: int) -> None:
    assert asyncio.run(expected_version(etag(version))) == version
    assert asyncio.run(expected_version(f"W/{etag(version)}")) == version
