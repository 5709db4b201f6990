"""Links into platforms, by example."""

import pytest

from erm.platforms.rules import flaw_of_template, is_address, is_domain, link, through_proxy

FACTS = {
    "url": "https://p.example/j/acta",
    "doi": "10.1000/a b&c",
    "volume": "7",
    "issue": None,
    "start_page": "12",
}


@pytest.mark.parametrize(
    ("templates", "address"),
    [
        (["https://p.example/doi/{doi}"], "https://p.example/doi/10.1000%2Fa%20b%26c"),
        (["https://p.example/v/{volume}/{issue}", "https://p.example/v/{volume}"], "https://p.example/v/7"),
        (["https://p.example/v/{volume}/{issue}"], "https://p.example/j/acta"),
        ([], "https://p.example/j/acta"),
        (["https://p.example/to?u={url}"], "https://p.example/to?u=https%3A%2F%2Fp.example%2Fj%2Facta"),
    ],
)
def test_the_first_template_whose_variables_are_known_makes_the_link(
    templates: list[str], address: str
) -> None:
    assert link(templates, FACTS) == address


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "//elsewhere", "https://", "https://a@b/"])
def test_a_title_without_an_address_has_no_link(url: str | None) -> None:
    assert link([], {"url": url}) is None


@pytest.mark.parametrize(
    ("told", "flaw"),
    [
        ("https://p.example/{doi}", None),
        ("https://p.example:8443?d={doi}", None),
        ("{url}", None),
        ("https://{doi}/", "variable-in-host"),
        ("https://p.example{doi}", "variable-in-host"),
        ("https://user@p.example/{doi}", "variable-in-host"),
        ("https:///{doi}", "variable-in-host"),
        ("{url}/x", "not-http"),
        ("ftp://p.example/{doi}", "not-http"),
        ("https://p.example/{colour}", "variable-unknown"),
        ("https://p.example/{doi", "variable-unknown"),
        ("https://p.example/a b", "unsafe-characters"),
        ('https://p.example/">', "unsafe-characters"),
    ],
)
def test_a_template_leads_nowhere_but_to_its_own_host(told: str, flaw: str | None) -> None:
    assert flaw_of_template(told) == flaw


def test_no_value_leads_to_another_host() -> None:
    for odd in ("//evil.example", "@evil.example", "\\evil.example", "#", "?", "../..", "\r\nx: y", "\ud7ff"):
        assert (link(["https://p.example/{volume}"], {"volume": odd}) or "").startswith("https://p.example/")


@pytest.mark.parametrize(
    ("prefix", "way"),
    [
        ("https://proxy.example/login?url=", "https://proxy.example/login?url=https://p.example/a?b=1&c"),
        (
            "https://proxy.example/login?qurl={url}",
            "https://proxy.example/login?qurl=https%3A%2F%2Fp.example%2Fa%3Fb%3D1%26c",
        ),
    ],
)
def test_the_way_through_the_proxy(prefix: str, way: str) -> None:
    assert through_proxy("https://p.example/a?b=1&c", prefix) == way


@pytest.mark.parametrize(
    ("told", "sound"),
    [
        ("p.example", True),
        ("www.p-x.example", True),
        ("P.example", False),
        ("p", False),
        ("-p.example", False),
    ],
)
def test_what_a_domain_is(told: str, *, sound: bool) -> None:
    assert is_domain(told) is sound


def test_what_an_address_is() -> None:
    assert is_address("https://p.example/a?b#c")
    assert not any(
        map(is_address, ["http://[", "https://p.example/ x", "mailto:a@b.example", "https://p:x/"])
    )
