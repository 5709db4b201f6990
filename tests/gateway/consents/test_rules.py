"""Addresses, verifiers and how far a grant reaches: examples."""

import pytest

from gateway.consents.rules import (
    PARTS,
    bound,
    granted,
    narrow,
    reaches,
    redirect_reason,
    registered,
    verifier_fits,
)


@pytest.mark.parametrize(
    ("scopes", "method", "path", "opens"),
    [
        ({"account:read"}, "GET", "/v1/patrons/me/account", True),
        ({"account:read"}, "HEAD", "/v1/loans/7", True),
        ({"account:read"}, "GET", "/v1/patrons/me", False),
        ({"account:profile"}, "GET", "/v1/patrons/me", True),
        ({"account:read"}, "POST", "/v1/loans/7/renewals", False),
        ({"account:renew"}, "POST", "/v1/loans/7/renewals", True),
        ({"account:renew"}, "POST", "/v1/holds", False),
        ({"account:hold"}, "POST", "/v1/holds", True),
        ({"account:hold"}, "POST", "/v1/holds/7/cancellations", True),
        ({"account:hold"}, "POST", "/v1/holds/7/moves", False),
        (PARTS, "PUT", "/v1/patrons/me/card-pin", False),
        (PARTS, "GET", "/v1/patrons/me/consents", False),
        (PARTS, "PATCH", "/v1/patrons/me", False),
        (PARTS, "GET", "/v1/anything/new", False),
        ({"loans:create"}, "GET", "/v1/loans/7", False),
    ],
)
def test_a_part_of_an_account_opens_what_it_says(
    scopes: set[str], method: str, path: str, opens: bool
) -> None:
    assert reaches(scopes, method, path) is opens


def test_nobody_hands_on_more_than_they_have() -> None:
    assert granted({"account:read", "account:own"}, {"account:own"}) == {"account:read", "account:own"}
    assert granted({"account:read", "loans:create"}, {"account:own"}) == {"account:read"}
    assert granted({"account:own"}, {"account:read"}) == set()
    assert granted({"accounts:write"}, {"*"}) == {"accounts:write"}
    assert granted({"*"}, {"loans:create"}) == set()


def test_a_grant_of_staff_or_to_our_own_pages_ends_with_the_session() -> None:
    assert bound({"account:read"}, in_house=False) is False
    assert bound({"account:read"}, in_house=True) is True
    assert bound({"account:read", "loans:create"}, in_house=False) is True
    assert [narrow(each) for each in ({"account:read"}, {"account:own", "account:read"}, {"*"}, set())] == [
        True,
        False,
        False,
        False,
    ]


def test_a_verifier_is_what_the_challenge_was_made_of() -> None:
    verifier, challenge = (  # RFC 7636, appendix B
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )

    assert verifier_fits(verifier, challenge)
    assert not verifier_fits(challenge, challenge)
    assert not verifier_fits(verifier + "x", challenge)
    assert not verifier_fits("", challenge)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://app.test/back", True),
        ("https://app.test/back?x=1", True),
        ("http://127.0.0.1/back", True),
        ("http://[::1]:7000/back", True),
        ("http://localhost:3000/", True),
        ("org.example.app:/back", True),
        ("org.example.app://back", False),
        ("app:/back", False),
        ("http://app.test/back", False),
        ("https://app.test/#x", False),
        ("https:///back", False),
        ("https://me@app.test/", False),
        ("https://app.test:0/", False),
        ("https://app.test:99999/", False),
        ("data:text/html,x", False),
        ("https://app.test/ü", False),
        ("", False),
    ],
)
def test_people_are_sent_back_where_nobody_listens_on_the_way(address: str, taken: bool) -> None:
    assert (redirect_reason(address) is None) is taken


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ("http://127.0.0.1/back", True),
        ("http://127.0.0.1:51004/back", True),
        ("http://127.0.0.1:51004/other", False),
        ("http://localhost:51004/back", False),
        ("https://127.0.0.1:51004/back", False),
        ("http://127.0.0.1:51004/back?x", False),
        ("http://127.0.0.1:51004@evil.test/back", False),
        ("http://127.0.0.1.evil.test/back", False),
        ("http://evil.test/back", False),
    ],
)
def test_on_ones_own_machine_the_port_does_not_matter(told: str, same: bool) -> None:
    assert registered(told, ["http://127.0.0.1/back"]) is same
