"""Whoever finds a weakness learns whom to tell, as long as that is sure to be right (RFC 9116)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.portal.security import security_text
from gateway.settings import Settings
from support.front import SEALING, Front, fronting

NOW = datetime(2027, 3, 1, tzinfo=UTC)
NAMED: dict[str, Any] = {
    "security_contact": "mailto:security@library.test",
    "security_expires": NOW + timedelta(days=200),
}


def settings(**told: Any) -> Settings:
    return Settings(
        database_url="postgresql://-/-",
        transport_url="postgresql://-/-",
        sealing_key=SEALING,
        _env_file=None,
        **told,
    )


def test_every_line_that_is_known_and_no_other() -> None:
    more = {"public_url": "https://library.test/", "security_policy": "https://library.test/security"}

    assert security_text(settings(**NAMED, **more), now=NOW) == (
        "Contact: mailto:security@library.test\r\n"
        "Expires: 2027-09-17T00:00:00Z\r\n"
        "Preferred-Languages: en, de, fr\r\n"
        "Canonical: https://library.test/.well-known/security.txt\r\n"
        "Policy: https://library.test/security\r\n"
    )
    assert security_text(settings(), now=NOW) is None
    assert security_text(settings(**NAMED), now=NOW + timedelta(days=200)) is None


@pytest.mark.parametrize(
    "told",
    [
        {"security_contact": "mailto:security@library.test"},
        {"security_expires": NOW},
        {**NAMED, "security_expires": datetime(2027, 9, 1)},  # noqa: DTZ001 - that is what is refused
        {**NAMED, "security_contact": "mailto:a@b.test\r\nContact: mailto:evil@b.test"},
        {**NAMED, "security_contact": "security@library.test"},
    ],
)
def test_half_a_file_or_one_with_foreign_lines_stops_the_start(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**told)


async def test_it_is_where_it_is_looked_for(gateway_dsn: str, gateway: Front) -> None:
    none = await gateway.get("/.well-known/security.txt")
    async with fronting(gateway_dsn, clock=lambda: NOW, **NAMED) as front:
        told = await front.get("/.well-known/security.txt")

    assert none.status_code == 404
    assert (told.status_code, told.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert told.text.startswith("Contact: mailto:security@library.test\r\n")
