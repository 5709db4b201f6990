"""Receivers check our signatures with libraries that are not ours."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import WebhookVerificationError

from support.library_events import CHECKED_IN, checked_in
from support.receiving import Hooks, Received

MODULES = Path(
    os.environ.get("CARREL_NODE_MODULES") or Path(__file__).parents[3] / ".venv" / "npm" / "node_modules"
)
"""Where `npm install` has put them (`.ci/run` says how)."""
SCRIPT = """
const { Webhook } = require("standardwebhooks");
const told = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(told.deliveries.map(({ headers, body }) => {
  try { return new Webhook(told.secret).verify(body, headers).type; } catch (error) { return error.name; }
})));
"""


def by_node(secret: str, *deliveries: Received) -> list[str]:
    """What the library for Node says of each: its type, or why not."""
    told = {
        "secret": secret,
        "deliveries": [{"headers": each.headers, "body": each.body.decode()} for each in deliveries],
    }
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(told),
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


async def delivered(hooks: Hooks) -> Received:
    hooks.circulation.tell(checked_in())
    await hooks.deliver()
    return hooks.receiver.events[-1]


def spoilt(good: Received) -> list[Received]:
    """The same, with something changed."""
    old = str(int(good.headers["webhook-timestamp"]) - 400)
    return [
        Received({**good.headers, "webhook-id": "other"}, good.body),
        Received(good.headers, good.body.replace(b"item_id", b"item_ix")),
        Received({**good.headers, "webhook-timestamp": old}, good.body),
    ]


async def test_the_library_for_python_takes_ours_and_nothing_else(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN)
    secret = made["secrets"][0]["secret"]
    good = await delivered(hooks)

    assert good.verify(secret)["type"] == CHECKED_IN
    for wrong in spoilt(good):
        with pytest.raises(WebhookVerificationError):
            wrong.verify(secret)


async def test_the_library_for_node_takes_ours_and_nothing_else(hooks: Hooks) -> None:
    if shutil.which("node") is None or not (MODULES / "standardwebhooks").is_dir():
        pytest.skip(f"no Node library: npm install --prefix {MODULES.parent} standardwebhooks@1.1.1")
    made = await hooks.subscribed(CHECKED_IN)
    old = made["secrets"][0]["secret"]
    good = await delivered(hooks)
    new = (await hooks.ask("POST", f"/v1/webhooks/{made['id']}/secrets", json={})).json()["secret"]
    both = await delivered(hooks)

    said = by_node(old, good, both, *spoilt(good))

    assert said == [CHECKED_IN, CHECKED_IN, *["WebhookVerificationError"] * 3]
    assert by_node(new, both, good) == [CHECKED_IN, "WebhookVerificationError"]


async def test_a_receiver_without_a_secret_checks_by_public_key(hooks: Hooks) -> None:
    made = await hooks.subscribed(CHECKED_IN, signature="v1a")
    (told,) = made["secrets"]
    good = await delivered(hooks)

    assert told["secret"] is None
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(told["public_key"].removeprefix("whpk_")))
    version, _, signature = good.headers["webhook-signature"].partition(",")
    signed = f"{good.id}.{good.headers['webhook-timestamp']}.".encode() + good.body
    assert version == "v1a"
    key.verify(base64.b64decode(signature), signed)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), signed + b" ")
    assert (await hooks.told(made))["secrets"][0]["public_key"] == told["public_key"]
