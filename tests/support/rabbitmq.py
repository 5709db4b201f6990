"""The broker of the tests: skipped loudly where there is none; in continuous integration that is a failure."""

import os
from typing import NoReturn, Self

import pytest

from carrel import rabbitmq

program = rabbitmq.program
"""The start script of an installed RabbitMQ, if there is one."""


def missing() -> NoReturn:
    """Skip, saying so; in continuous integration that is a failure."""
    told = "RabbitMQ is not here: set AMQP_URL, or install rabbitmq-server."
    if os.environ.get("CARREL_CI") == "1":
        pytest.fail(told)
    pytest.skip(told)


class Broker(rabbitmq.Broker):
    """A broker that skips, instead of failing, what is not here or not ours to stop."""

    @classmethod
    def find(cls) -> Self:
        """The given broker, else a private one, started."""
        try:
            return super().find()
        except rabbitmq.BrokerProblem as problem:
            if os.environ.get("CARREL_CI") == "1":
                pytest.fail(str(problem))
            pytest.skip(str(problem))

    def _must_be_ours(self) -> None:
        if self.given is not None:
            pytest.skip(
                "the broker at AMQP_URL is not ours to stop; unset it where rabbitmq-server is installed"
            )
