"""Whom a request is counted to: examples."""

import pytest

from gateway.budgets.documents import Networks, NetworksDoc
from gateway.budgets.rules import Asker, Kind, Left, asker_of, inside, key_of, network_of


@pytest.mark.parametrize(
    ("kind", "scopes", "on_behalf_of", "found"),
    [
        ("staff", set(), None, Kind.DESK),
        ("client", {"loans:create"}, None, Kind.DESK),
        ("client", {"pins:verify"}, None, Kind.DESK),
        ("client", {"*"}, None, Kind.DESK),
        ("client", {"titles:read"}, None, Kind.MACHINE),
        ("patron", {"account:own"}, None, Kind.PATRON),
        ("patron", {"account:read"}, "client:app", Kind.MACHINE),
        ("staff", {"loans:create"}, "client:app", Kind.MACHINE),
        ("anonymous", set(), None, Kind.STRANGER),
    ],
)
def test_each_sort_of_asker_is_told_apart(
    kind: str, scopes: set[str], on_behalf_of: str | None, found: Kind
) -> None:
    assert asker_of(kind, "x", scopes, on_behalf_of, "192.0.2.1").kind is found


def test_a_program_is_counted_once_however_many_it_acts_for() -> None:
    asked = {asker_of("patron", ref, {"account:read"}, "client:app", None) for ref in ("a", "b")}

    assert asked == {asker_of("client", "app", {"titles:read"}, None, None)}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_strangers_are_told_apart_by_what_one_customer_has(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "may_stand_for_many"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("172.18.0.1", True),
        ("10.1.2.3", True),
        ("::ffff:192.168.1.1", True),
        ("fd00::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("172.32.0.1", False),
        (None, False),
    ],
)
def test_a_proxy_that_does_not_say_who_is_behind_it_is_not_taken_for_one(
    address: str | None, may_stand_for_many: bool
) -> None:
    assert inside(address) is may_stand_for_many


def test_the_narrowest_network_counts() -> None:
    networks = Networks(
        [
            NetworksDoc(name="campus", networks=["10.0.0.0/8"], per_minute=1000),
            NetworksDoc(name="bots", networks=["10.9.0.0/16", "2001:db8::/32"], per_minute=0),
        ]
    )

    assert [networks.find(told) for told in ("10.1.1.1", "10.9.1.1", "2001:db8::1", "192.0.2.1", "x")] == [
        1000,
        0,
        0,
        None,
        None,
    ]


def test_clients_are_told_in_the_words_of_the_draft_and_addresses_are_not_kept() -> None:
    assert Left("machine", 100, 7, 42).headers() == [
        (b"ratelimit-policy", b'"machine";q=100;w=60'),
        (b"ratelimit", b'"machine";r=7;t=42'),
    ]
    key = key_of(Asker(Kind.STRANGER, "192.0.2.7"), b"secret")
    assert "192" not in key
    assert key != key_of(Asker(Kind.STRANGER, "192.0.2.7"), b"other")
