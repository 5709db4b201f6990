"""Who may act for whom, without a database."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from circulation.proxies.rules import Standing, proxy_refusals
from support.desk import NOW

DAY = timedelta(days=1)
ADA, BEN = UUID(int=1), UUID(int=2)
PROXY = Standing(ADA, BEN, active=True, expires_at=None, related=True)


@pytest.mark.parametrize(
    ("proxy", "refusals"),
    [
        (PROXY, []),
        (replace(PROXY, related=False), ["proxy-unrelated"]),
        (replace(PROXY, valid_from=NOW), []),
        (replace(PROXY, valid_from=NOW + DAY), ["proxy-unrelated"]),
        (replace(PROXY, valid_to=NOW), ["proxy-unrelated"]),
        (replace(PROXY, valid_to=NOW + DAY), []),
        (replace(PROXY, active=False), ["proxy-inactive"]),
        (replace(PROXY, expires_at=NOW), ["proxy-inactive"]),
        (replace(PROXY, expires_at=NOW + DAY), []),
        (replace(PROXY, proxy_id=ADA, related=False), ["proxy-is-sponsor"]),
        (replace(PROXY, active=False, related=False), ["proxy-unrelated", "proxy-inactive"]),
    ],
)
def test_a_proxy_is_refused_for_every_reason_at_once(proxy: Standing, refusals: list[str]) -> None:
    assert proxy_refusals(proxy, now=NOW) == refusals
