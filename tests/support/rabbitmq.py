"""The broker of the tests: skipped loudly where there is none; in continuous integration that is a failure."""

import os

import pytest

from carrel.rabbitmq import Broker, BrokerProblem

__all__ = ["Broker", "find"]


class TestBroker(Broker):
    """A broker that skips, instead of failing, what somebody else's broker does not allow."""

    __test__ = False

    def _must_be_ours(self) -> None:
        if self.given is not None:
            pytest.skip(
                "the broker at AMQP_URL is not ours to stop; unset it where rabbitmq-server is installed"
            )


def find() -> TestBroker:
    """The given broker, else a private one, started."""
    try:
        return TestBroker.find()
    except BrokerProblem as problem:
        if os.environ.get("CARREL_CI") == "1":
            pytest.fail(str(problem))
        pytest.skip(str(problem))
