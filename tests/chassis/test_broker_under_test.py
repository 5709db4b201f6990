"""The broker that tests run against: private, stoppable, and gone afterwards."""

import os
import signal
import subprocess
import sys

import aio_pika
import psutil
import pytest

from support import rabbitmq
from support.rabbitmq import Broker

HOLDER = """
import sys
from support.rabbitmq import Broker
broker = Broker.find()
print(broker.folder, flush=True)
sys.stdin.read()
"""


async def test_what_was_confirmed_outlives_a_stop_and_a_kill(broker: Broker, amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue("desk", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"lent", delivery_mode=2), queue.name)

    broker.stop()
    assert not broker.speaks()
    broker.start()
    broker.kill()
    broker.start()

    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        message = await (await channel.get_queue("desk")).get(timeout=10)
        assert message is not None
        assert message.body == b"lent"


def test_each_test_has_a_virtual_host_to_itself(broker: Broker, amqp_url: str) -> None:
    if broker.given is not None:
        pytest.skip("the broker at AMQP_URL has one virtual host for all")

    assert broker.url() != amqp_url


@pytest.mark.rabbitmq
@pytest.mark.xdist_group("rabbitmq")
def test_a_run_that_is_killed_leaves_no_node_and_no_port_mapper() -> None:
    if rabbitmq.program() is None:
        rabbitmq.missing()
    environment = {name: value for name, value in os.environ.items() if name != "AMQP_URL"}
    run = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    folder = run.stdout.readline().strip()
    assert folder.startswith("/tmp/carrel-rabbit-")
    started = psutil.Process(run.pid).children(recursive=True)
    assert len(started) >= 2

    run.send_signal(signal.SIGKILL)
    run.wait()

    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive
    subprocess.run(["rm", "-r", folder], check=True)
