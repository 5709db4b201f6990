"""How readers get into a platform, and by which addresses it knows the library."""

from typing import Any

import pytest

from erm.platforms.access import Method, Range, Way, overlapping, read_range, way_in
from support.knowing import Knowledge

URL, PROXY = "https://r.example/j", "https://proxy.example/login?url={url}"
THROUGH = "https://proxy.example/login?url=https%3A%2F%2Fr.example%2Fj"
SAML = Way(Method.SAML, "https://r.example/Shibboleth.sso/Login?entityID=u&target={url}")
SIGNED = "https://r.example/Shibboleth.sso/Login?entityID=u&target=https%3A%2F%2Fr.example%2Fj"
BY_IP, BY_PROXY, BY_NAME = Way(Method.IP), Way(Method.PROXY), Way(Method.USERNAME)


@pytest.mark.parametrize(
    ("ways", "proxied", "prefix", "found"),
    [
        ((), True, PROXY, (THROUGH, Method.PROXY)),
        ((), False, PROXY, (URL, None)),
        ((), True, None, (URL, None)),
        ((SAML, BY_PROXY), True, PROXY, (SIGNED, Method.SAML)),
        ((BY_PROXY, SAML), False, PROXY, (THROUGH, Method.PROXY)),
        ((BY_PROXY, SAML), True, None, (SIGNED, Method.SAML)),
        ((BY_PROXY,), True, None, (URL, None)),
        ((Way(Method.SAML),), True, PROXY, (URL, Method.SAML)),
        ((BY_IP, BY_PROXY), True, PROXY, (URL, Method.IP)),
        ((BY_NAME,), True, PROXY, (URL, Method.USERNAME)),
    ],
)
def test_the_first_way_that_can_be_gone_makes_the_link(
    ways: tuple[Way, ...], proxied: bool, prefix: str | None, found: tuple[str, Method | None]
) -> None:
    assert way_in(URL, ways, proxied=proxied, prefix=prefix) == found


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        (" 192.0.2.10 - 192.0.2.20 ", "192.0.2.10-192.0.2.20"),
        ("192.0.2.0-192.0.2.255", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1-2001:db8::5", "2001:db8::1-2001:db8::5"),
        ("192.0.2.7/24", "range-host-bits"),
        ("192.0.2.20-192.0.2.10", "range-backwards"),
        ("192.0.2.1-2001:db8::1", "range-malformed"),
        ("192.0.2.256", "range-malformed"),
        ("192.0.2.*", "range-malformed"),
        ("192.0.2.0/33", "range-malformed"),
        ("10.1.0.0/16", "range-not-public"),
        ("9.0.0.0-11.0.0.0", "range-not-public"),
        ("fe80::1", "range-not-public"),
        ("::ffff:192.0.2.1", "range-not-public"),
    ],
)
def test_an_address_a_network_and_a_range_have_one_form_or_a_reason(told: str, found: str) -> None:
    assert str(read_range(told)) == found


def test_what_overlaps_is_found_within_its_version() -> None:
    told = [
        "192.0.2.0/24",
        "192.0.2.255-192.0.3.4",
        "2001:db8::/32",
        "192.0.3.5",
        "2001:db8:1::/48",
    ]
    ranges = [(at, each) for at, each in enumerate(map(read_range, told)) if isinstance(each, Range)]

    assert overlapping(ranges) == [(1, 0), (4, 2)]
    assert overlapping([(5, ranges[1][1]), (1, ranges[3][1])]) == []
    assert ranges[1][1].overlaps(Range(ranges[1][1].last, ranges[1][1].last))
    assert Range(ranges[1][1].last, ranges[1][1].last).overlaps(ranges[1][1])


async def test_everything_wrong_with_addresses_and_ways_of_access_is_told_at_once(kb: Knowledge) -> None:
    body: dict[str, Any] = {"code": "q", "name": "Q"}
    wrong = body | {
        "ip_ranges": ["192.0.2.0/24", "192.0.2.7", "10.0.0.0/8", "x"],
        "access_methods": [{"method": "ip"}, {"method": "ip"}],
    }
    refused = await kb.erm.post("/v1/platforms", json=wrong)
    nameless = await kb.erm.post("/v1/platforms", json=body | {"access_methods": [{"method": "saml"}]})
    astray = {"method": "saml", "entity_id": "e", "sign_in_url": "javascript:x"}
    led_astray = await kb.erm.post("/v1/platforms", json=body | {"access_methods": [astray]})
    made = await kb.post(
        "/v1/platforms",
        body
        | {
            "ip_ranges": ["192.0.2.0-192.0.2.255", "2001:DB8::/32"],
            "access_methods": [{"method": "saml", "entity_id": "https://sp.example/shibboleth"}],
            "simultaneous_users": 3,
        },
    )
    changed = await kb.put(f"/v1/platforms/{made['id']}", body | {"ip_ranges": ["x"]}, 1, expect=422)

    assert sorted(await kb.codes(refused, 422)) == [
        "method-twice",
        "range-malformed",
        "range-not-public",
        "range-overlaps",
    ]
    assert (nameless.status_code, led_astray.status_code) == (422, 422)
    assert changed["reasons"][0]["pointer"] == "/ip_ranges/0"
    told = await kb.get(f"/v1/platforms/{made['id']}")
    assert (told["ip_ranges"], told["simultaneous_users"]) == (["192.0.2.0/24", "2001:db8::/32"], 3)
    assert told["access_methods"][0]["entity_id"] == "https://sp.example/shibboleth"
