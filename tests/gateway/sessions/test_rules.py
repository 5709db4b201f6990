"""Ends of sessions, and requests that another site made: examples."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sessions.cookies import SESSION, forgery_token, new_token, sent
from gateway.sessions.rules import Limits, ends_at, idle_for, may_act

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
LIMITS = Limits(timedelta(minutes=30), timedelta(minutes=15), timedelta(hours=8))


def test_a_session_ends_with_whichever_is_first() -> None:
    hour = timedelta(hours=1)

    assert ends_at(LIMITS, granted_until=None, now=NOW) == NOW + 8 * hour
    assert ends_at(LIMITS, granted_until=NOW + hour, now=NOW) == NOW + hour
    assert ends_at(LIMITS, granted_until=NOW + 20 * hour, now=NOW) == NOW + 8 * hour


def test_staff_may_be_idle_for_less_long() -> None:
    assert [idle_for(LIMITS, roles).seconds // 60 for roles in (["patron"], ["desk", "patron"], [])] == [
        30,
        15,
        30,
    ]


OWN = ["https://library.test", "https://search.test"]


@pytest.mark.parametrize(
    ("method", "origin", "site", "fits", "may"),
    [
        ("GET", "https://evil.test", "cross-site", False, True),
        ("POST", None, None, True, True),
        ("POST", None, None, False, False),
        ("POST", "https://library.test", "same-origin", True, True),
        ("POST", "https://library.test", "same-origin", False, False),
        ("POST", "https://search.test", "cross-site", True, True),
        ("DELETE", "https://evil.test", "cross-site", True, False),
        ("DELETE", None, "cross-site", True, False),
        ("PUT", "null", None, True, False),
        ("PUT", "https://library.test.evil.test", "cross-site", True, False),
    ],
    ids=[
        "reading",
        "a script with the token",
        "without the token",
        "our own page",
        "our own page without it",
        "a front end of ours",
        "another site with it",
        "another site that hides",
        "a frame without origin",
        "begins alike",
    ],
)
def test_a_change_by_cookie_comes_from_our_own_pages(
    method: str, origin: str | None, site: str | None, fits: bool, may: bool
) -> None:
    assert may_act(method, origin=origin, fetch_site=site, own=OWN, token_fits=fits) is may


def test_a_cookie_is_read_once_and_only_as_it_was_given() -> None:
    token = new_token()

    assert sent([(b"cookie", f"a=b; {SESSION}={token}; c=d".encode())], SESSION) == token
    for told in (
        f"{SESSION}=x",
        f"x{SESSION}={token}",
        f"{SESSION}={token}; {SESSION}={token}",
        f"{SESSION}",
        "",
    ):
        assert sent([(b"cookie", told.encode())], SESSION) is None
    assert forgery_token(token) != forgery_token(new_token())
    assert token not in forgery_token(token)
