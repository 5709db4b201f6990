"""An OpenID Connect provider that others have written: npm's oidc-provider, where CARREL_OIDC_PEERS names its folder.

`npm install oidc-provider@9` in an empty folder, then `CARREL_OIDC_PEERS=that/folder make test T=tests/gateway/oidc`.
"""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from support.front import OPERATOR, Front, bearer, listening

from .conftest import PERSONS

FOLDER = os.environ.get("CARREL_OIDC_PEERS")
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="only where CARREL_OIDC_PEERS names the folder of oidc-provider"
)
SECRET = "with&signs+of=forms"
SCRIPT = """
import { Provider } from 'oidc-provider';
const [port, library] = process.argv.slice(2);
const said = { given_name: 'Marie', family_name: 'Curie', eduperson_scoped_affiliation: ['student@campus.test'] };
new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'library', client_secret: 'SECRET', redirect_uris: [`${library}/oidc/callback/peer`],
    post_logout_redirect_uris: [`${library}/sign-in`], backchannel_logout_session_required: true,
    backchannel_logout_uri: `${library}/oidc/backchannel-logout/peer` }],
  claims: { openid: ['sub'], profile: Object.keys(said) },
  pkce: { required: () => true },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, ...said }) }),
  fetch: (url, { dispatcher, ...rest }) => globalThis.fetch(url, rest),
  cookies: { keys: ['test'] },
}).listen(port, '127.0.0.1', () => console.log('up'));
"""


class Browser:
    """With cookies by host, whatever they say of TLS: both hosts are this machine."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=20)
        self.jar: dict[str, dict[str, str]] = {}

    async def goes(self, method: str, url: str, **more: object) -> httpx.Response:
        """Ask, and follow redirects."""
        while True:
            host = httpx.URL(url).netloc.decode()
            cookies = "; ".join(f"{name}={value}" for name, value in self.jar.get(host, {}).items())
            headers = {"Accept": "text/html", "Cookie": cookies}
            answer = await self.client.request(method, url, headers=headers, **more)  # type: ignore[arg-type]
            for told in answer.headers.get_list("set-cookie"):
                name, _, value = told.partition(";")[0].partition("=")
                self.jar.setdefault(host, {})[name] = value
            if answer.status_code not in (302, 303):
                return answer
            method, url, more = "GET", str(answer.url.join(answer.headers["location"])), {}

    async def signs_in(self, library: str) -> httpx.Response:
        """By the provider's own pages."""
        answer = await self.goes("GET", f"{library}/oidc/login?provider=peer&target=/v1/session")
        for _ in range(3):
            action = re.search(r'action="([^"]+interaction[^"]+)"', answer.text)
            if action is None:
                break
            form = dict(re.findall(r'type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', answer.text))
            if 'name="login"' in answer.text:
                form |= {"login": "marie", "password": "x"}
            answer = await self.goes("POST", str(answer.url.join(action[1])), data=form)
        return answer


@pytest.fixture
async def library(gateway: Front, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """The library and the provider, each at an address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert FOLDER is not None
    script = Path(FOLDER) / "carrel-peer.mjs"
    script.write_text(SCRIPT.replace("SECRET", SECRET))
    async with listening(gateway.app) as url:
        node = await asyncio.create_subprocess_exec(
            "node", script, str(port), url, cwd=FOLDER, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert node.stdout is not None
            async with asyncio.timeout(20):
                assert (await node.stdout.readline()).strip() == b"up"
            issuer = f"http://127.0.0.1:{port}"
            peer = {"name": "peer", "label": "Peer", "issuer": issuer, "client_id": "library"}
            told = {"entity": {"url": url}, "oidc": [{**peer, "scopes": ["campus.test"]}], "persons": PERSONS}
            await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
            await gateway.put("/v1/sign-on/secrets/peer", json={"secret": SECRET}, headers=bearer(OPERATOR))
            yield url, issuer
        finally:
            node.terminate()
            await node.wait()
            script.unlink()


async def test_oidc_provider_is_understood_and_understands(library: tuple[str, str]) -> None:
    url, issuer = library
    browser = Browser()
    session = (await browser.signs_in(url)).json()
    assert (session["identity_provider"], session["roles"]) == (issuer, ["patron"])

    page = (await browser.goes("GET", f"{url}/sign-in")).text
    proof = page.partition('name="proof" value="')[2].partition('"')[0]
    asks = await browser.goes("POST", f"{url}/sign-out", data={"proof": proof})
    xsrf = asks.text.partition('name="xsrf" value="')[2].partition('"')[0]
    back = await browser.goes("POST", f"{issuer}/session/end/confirm", data={"xsrf": xsrf, "logout": "yes"})
    assert str(back.url) == f"{url}/sign-in"

    assert (await browser.signs_in(url)).status_code == 200
    asks = await browser.goes("GET", f"{issuer}/session/end")
    xsrf = asks.text.partition('name="xsrf" value="')[2].partition('"')[0]
    await browser.goes("POST", f"{issuer}/session/end/confirm", data={"xsrf": xsrf, "logout": "yes"})
    assert (await browser.goes("GET", f"{url}/v1/session")).status_code == 404  # told from server to server
