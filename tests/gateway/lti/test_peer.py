"""A platform that others have written: Open edX's LTI consumer, where CARREL_LTI_PEERS names a Python that has it.

`python -m venv that/folder; that/folder/bin/pip install lti-consumer-xblock PyLTI1p3`, then
`CARREL_LTI_PEERS=that/folder/bin/python make test T=tests/gateway/lti`. PyLTI1p3, a tool that others have written,
judges the same launches as we do.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.lti import keys as our_keys
from gateway.lti import rosters
from support.campus import LIBRARY
from support.front import Front, fronting, listening
from support.lms import CLAIM, Browser, Lms, forms, signed
from support.provider import key

from .conftest import NEAR, configure

PYTHON = os.environ.get("CARREL_LTI_PEERS")
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="only where CARREL_LTI_PEERS names a Python with lti-consumer-xblock and PyLTI1p3"
)
PLATFORM = r"""
import json, sys
import django
from django.conf import settings
settings.configure(PLATFORM_NAME="Peer", USE_TZ=True, SECRET_KEY="x", INSTALLED_APPS=[],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
django.setup()
from lti_consumer.data import Lti1p3LaunchData
from lti_consumer.lti_1p3.consumer import LtiAdvantageConsumer

told = json.loads(sys.stdin.readline())
library = told["library"]
lms = LtiAdvantageConsumer(iss="https://peer.test", lti_oidc_url=f"{library}/lti/login", deployment_id="1",
    lti_launch_url=told["target"], client_id="peer-tool", rsa_key=told["pem"], rsa_key_id="peer",
    redirect_uris=[f"{library}/lti/launch"], tool_keyset_url=told["keys"])
lms.enable_deep_linking(f"{library}/lti/launch", "https://peer.test/return")
lms.set_user_data(user_id="marie", role="student", full_name="Marie Curie", email_address="m@campus.test")
lms.set_resource_link_claim("rl-1")
lms.set_context_claim("course-1", context_title="History", context_label="HIS")

def answer(asked):
    if asked["do"] == "keys":
        return lms.get_public_keyset()
    if asked["do"] == "begin":
        return lms.prepare_preflight_url(Lti1p3LaunchData(user_id="1", user_role="student", config_id="c",
            resource_link_id="rl-1", external_user_id="marie", message_type=asked["message"]))
    if asked["do"] == "launch":
        return lms.generate_launch_request(asked["query"])
    if asked["do"] == "chosen":
        return lms.check_and_decode_deep_linking_token(asked["token"])
    if asked["do"] == "token":
        return lms.access_token(asked["form"])

for line in sys.stdin:
    try:
        print(json.dumps({"said": answer(json.loads(line))}, default=str), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
"""
TOOL = r"""
import json, sys
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.tool_config import ToolConfDict

told = json.loads(sys.stdin.readline())
config = ToolConfDict({told["iss"]: {"client_id": told["client"], "auth_login_url": "x", "auth_token_url": "x",
    "key_set": told["keys"], "deployment_ids": told["deployments"]}})

from unittest.mock import MagicMock
for line in sys.stdin:
    asked = json.loads(line)
    request = MagicMock(); request.get_param = lambda name: asked.get(name)
    session, cookies = MagicMock(), MagicMock()
    cookies.get_cookie = lambda name: asked["state"]
    session.check_nonce = lambda nonce: nonce == asked["nonce"]
    class Here(MessageLaunch):
        def _get_request_param(self, name):
            return asked.get(name)
    try:
        launch = Here(request, config, session, cookies)
        launch.validate()
        print(json.dumps({"said": "taken"}), flush=True)
    except Exception as error:
        print(json.dumps({"said": "refused", "why": repr(error)[:200]}), flush=True)
"""


class Peer:
    """A process of theirs that answers line by line."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def tell(self, **told: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        await self.process.stdin.drain()

    async def ask(self, **told: Any) -> Any:
        await self.tell(**told)
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            said = json.loads(await self.process.stdout.readline())
        assert "error" not in said, said
        return said["said"]


@asynccontextmanager
async def started(script: str, **told: Any) -> AsyncIterator[Peer]:
    assert PYTHON is not None
    process = await asyncio.create_subprocess_exec(PYTHON, "-c", script, stdin=PIPE, stdout=PIPE)
    peer = Peer(process)
    try:
        await peer.tell(**told)
        yield peer
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def front(gateway_dsn: str) -> AsyncIterator[Front]:
    async with fronting(gateway_dsn, **NEAR) as opened:
        await configure(opened)
        yield opened


async def test_open_edx_launches_chooses_and_gives_tokens(front: Front) -> None:
    private = key("peer", "RSA")
    pem = private.as_pem(private=True).decode()
    published: dict[str, Any] = {}

    async def keys(request: Any) -> JSONResponse:
        return JSONResponse(published)

    async with (
        listening(front.app) as ours,
        listening(Starlette(routes=[Route("/jwks", keys)])) as theirs,
        started(
            PLATFORM, library=LIBRARY, target=f"{LIBRARY}/lti/launch", pem=pem, keys=f"{ours}/lti/jwks"
        ) as peer,
    ):
        published |= await peer.ask(do="keys")
        lms = Lms(theirs, "https://peer.test", "peer-tool")
        await lms.register(front, deployments=[{"id": "1"}])
        browser = Browser(front)

        async def launched(message: str) -> Any:
            begin = await peer.ask(do="begin", message=message)
            asked, _ = await browser.begin(lms, **dict(parse_qsl(begin.partition("?")[2])))
            answer = await peer.ask(do="launch", query=asked.query)
            return await browser.client.post("/lti/launch", data=answer)

        opened = await launched("LtiResourceLinkRequest")
        chooses = await launched("LtiDeepLinkingRequest")
        choice = await browser.press(chooses, "/lti/choice", how="none")
        ((_, fields), *_) = [form for form in forms(choice.text) if "JWT" in form[1]]
        taken = await peer.ask(do="chosen", token=fields["JWT"])

        assert (opened.status_code, chooses.status_code, choice.status_code) == (200, 200, 200)
        assert "Put titles into History" in chooses.text
        assert taken == []
        assert await front.resources.pool.fetchval("SELECT label FROM lti_course") == "HIS"

        parts, now = front.app.state.lti, front.resources.clock()
        claims = {"iss": "peer-tool", "sub": "peer-tool", "aud": "https://peer.test/token", "jti": "1"}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": rosters.ASSERTION,
            "client_assertion": await our_keys.signed(
                parts.pool, parts.sealer, claims, lives=rosters.ASSERTION_LIVES, now=now
            ),
            "scope": rosters.SCOPE,
        }
        token = await peer.ask(do="token", form=form)
        assert token["scope"] == rosters.SCOPE
        await browser.client.aclose()


async def test_pylti_judges_as_we_do(front: Front, lms: Lms) -> None:
    """What it refuses we refuse; that it takes a token a second time is known, and we do not."""
    await lms.register(front)
    browser = Browser(front)
    told = {
        "iss": lms.issuer,
        "client": lms.client_id,
        "keys": {"keys": [each.as_dict(private=False) for each in lms.keys]},
        "deployments": ["dep-1"],
    }
    async with started(TOOL, **told) as peer:
        for change in (
            {},
            {"aud": "another"},
            {f"{CLAIM}deployment_id": "dep-9"},
            {"nonce": "of another"},
            {f"{CLAIM}version": "1.1"},
            {f"{CLAIM}resource_link": None},
            {"exp": 1_700_000_000},
        ):
            asked, _ = await browser.begin(lms)
            token = signed(lms.claims(asked.nonce, **change), lms.keys[0])
            theirs = await peer.ask(state=asked.state, nonce=asked.nonce, id_token=token)
            answer = await browser.end(lms, asked, token)

            assert (theirs == "taken") == (answer.status_code == 200) == (change == {}), change
    await browser.client.aclose()
