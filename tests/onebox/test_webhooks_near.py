"""A box that serves its own machine alone may send webhooks to it; one that serves others may not."""

import pytest

from carrel.up import webhooks_near


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.5", False),
    ],
)
def test_loopback_is_allowed_where_nobody_else_is_served(host: str, allowed: bool) -> None:
    assert bool(webhooks_near(host)) is allowed


def test_a_setting_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WEBHOOK_NETWORKS", "")

    assert webhooks_near("127.0.0.1") == {}
