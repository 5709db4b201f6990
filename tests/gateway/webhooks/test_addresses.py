"""Nothing is sent but to public addresses: whatever a URL looks like, whatever its name stands for (T38, T39)."""

import ipaddress
from collections.abc import Sequence

import pytest

from chassis.addresses import Address, public, refusals
from chassis.guard import AddressRefused, Guard
from support.library_events import CHECKED_IN, checked_in
from support.receiving import Hooks

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.1/", "address-literal"),
        ("https://0x7f000001/", "address-literal"),
        ("https://2130706433/", "address-literal"),
        ("https://017700000001/", "address-literal"),
        ("https://127.0.0.1/", "address-literal"),
        ("https://8.8.8.8/", "address-literal"),
        ("https://[::1]/", "address-literal"),
        ("https://[::ffff:10.0.0.1]/", "address-literal"),
        ("https://[fe80::1%25eth0]/", "address-literal"),
        ("https://169.254.169.254/latest/meta-data", "address-literal"),
        ("https://\uff11\uff12\uff17.0.0.1/", "address-literal"),
        ("https://%31%32%37.1/", "address-literal"),
        ("https://localhost/", "host-not-public"),
        ("https://localhost./", "host-not-public"),
        ("https://x.localhost/", "host-not-public"),
        ("https://\u217cocalhost/", "host-not-public"),
        ("https://intranet/", "host-not-public"),
        ("https://printer.local/", "host-not-public"),
        ("https://metadata.google.internal/", "host-not-public"),
        ("https://a..example/", "host-unreadable"),
        ("https://a.example%2f.evil.example/", "address-literal"),
        ("http://a.example/", "scheme-refused"),
        ("ftp://a.example/", "scheme-refused"),
        ("file:///etc/passwd", "url-unreadable"),
        ("gopher://a.example/", "scheme-refused"),
        ("https://a.example:22/", "port-refused"),
        ("https://a.example:99999/", "url-unreadable"),
        ("https://user@a.example/", "url-with-credentials"),
        ("https://user:word@a.example/", "url-with-credentials"),
        ("https://a.example/#x", "url-with-fragment"),
        ("https://a.example\\@b.example/", "url-unreadable"),
        ("https://a.example/ x", "url-unreadable"),
        ("https://a.example/\r\nHost: b", "url-unreadable"),
        ("//a.example/", "scheme-refused"),
        ("a.example", "url-unreadable"),
        ("https:///x", "url-unreadable"),
        ("https://" + "a" * 2000 + ".example/", "url-unreadable"),
        ("https://" + "a" * 64 + ".example/", "host-unreadable"),
    ],
)
def test_a_url_is_refused(url: str, code: str) -> None:
    assert code in [refusal.code for refusal in refusals(url)]


@pytest.mark.parametrize(
    "url", ["https://a.example/", "https://a.example:8443/x?y=z", "https://b\u00fccher.example/"]
)
def test_a_public_name_by_https_is_taken(url: str) -> None:
    assert refusals(url) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://library.example/x#part", None),
        ("http://library.example:8080/x", None),
        ("http://library.example:81/x", "port-refused"),
        ("ftp://library.example/x", "scheme-refused"),
        ("http://10.0.0.1/x", "address-literal"),
        ("http://localhost/x", "host-not-public"),
        ("http://name:word@library.example/", "url-with-credentials"),
    ],
)
def test_who_only_looks_may_do_so_by_http_too_but_nowhere_else(url: str, code: str | None) -> None:
    assert [refusal.code for refusal in refusals(url, plain=True)][:1] == ([code] if code else [])
    assert refusals(url) != []


def test_an_allowed_network_may_be_named_by_its_digits_and_nothing_beyond_it() -> None:
    assert refusals("http://127.0.0.1:9000/x", LOOPBACK) == []
    for url in ("http://10.0.0.1/", "http://localhost:9000/", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/"):
        assert refusals(url, LOOPBACK), url


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.0.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.64.1.1", "192.0.2.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1",
        "::", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:7f00:1", "2002:0a00:0001::1",
        "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    ],
)  # fmt: skip
def test_an_address_is_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_an_address_is_public(address: str) -> None:
    assert public(ipaddress.ip_address(address))


def standing_for(*addresses: str) -> Guard:
    """A guard in whose DNS every name stands for these."""

    async def resolve(_: str) -> Sequence[Address]:
        return [ipaddress.ip_address(each) for each in addresses]

    return Guard(resolve=resolve)


async def test_a_name_is_judged_by_all_that_it_stands_for(hooks: Hooks) -> None:
    body = {"url": "https://hooks.vendor.example/x", "types": [CHECKED_IN]}
    for addresses, code in (
        (["10.0.0.1"], "address-not-public"),
        (["8.8.8.8", "fd00::1"], "address-not-public"),
        (["8.8.8.8", "::ffff:169.254.169.254"], "address-not-public"),
        ([], "host-unknown"),
    ):
        hooks.gateway.app.state.webhook_guard = standing_for(*addresses)
        answer = await hooks.ask("POST", "/v1/webhooks", json=body)
        assert answer.status_code == 422
        assert [(each["code"], each["pointer"]) for each in answer.json()["reasons"]] == [(code, "/url")]
    hooks.gateway.app.state.webhook_guard = standing_for("8.8.8.8", "2001:4860:4860::8888")

    assert (await hooks.ask("POST", "/v1/webhooks", json=body)).status_code == 201


async def test_the_connection_goes_to_the_very_address_that_was_judged() -> None:
    turns = iter([["8.8.8.8"], ["127.0.0.1"]])

    async def rebinding(_: str) -> Sequence[Address]:
        return [ipaddress.ip_address(each) for each in next(turns)]

    guard = Guard(resolve=rebinding)

    assert await guard.refusals("https://hooks.vendor.example/") == []
    with pytest.raises(AddressRefused):  # what the connector asks is what is judged, and what it connects to
        await guard.resolve("hooks.vendor.example", 443)


async def test_a_name_that_turns_private_later_is_not_sent_to(hooks: Hooks) -> None:
    made = await hooks.subscribe(CHECKED_IN)
    await hooks.gateway.resources.pool.execute(
        "UPDATE webhook SET url = 'https://hooks.vendor.example/', state = 'active'"
    )
    hooks.sender.guard._resolve = standing_for("10.0.0.1")._resolve
    await hooks.read()
    hooks.circulation.tell(checked_in())
    await hooks.deliver()

    (delivery,) = await hooks.log(made)
    assert (delivery["state"], delivery["last_error"]) == ("pending", "address-refused")


async def test_a_redirect_is_a_failure_and_followed_by_nobody(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    elsewhere = hooks.another()
    hooks.receiver.says(302, headers={"Location": elsewhere.url})
    hooks.circulation.tell(checked_in())

    await hooks.deliver()

    (delivery,) = await hooks.log(made)
    assert (delivery["state"], delivery["last_status"]) == ("pending", 302)
    assert elsewhere.received == []
