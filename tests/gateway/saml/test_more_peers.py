"""Two more identity providers that others wrote: SimpleSAMLphp and npm's samlp. Asked for, since they take their time.

apt-get install --no-install-recommends simplesamlphp php-cli php-xml
npm install --prefix FOLDER samlp@8
CARREL_SAML_PEERS=FOLDER make test T=tests/gateway/saml/test_more_peers.py
"""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from support.campus import ACS, AFFILIATION, PAIRWISE, US, Asked, Campus, document, pair
from support.front import Front

from .conftest import Browser, configure

PEERS = os.environ.get("CARREL_SAML_PEERS")
PHP = Path("/usr/share/simplesamlphp")
GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"

pytestmark = pytest.mark.skipif(
    PEERS is None, reason="only where CARREL_SAML_PEERS names the folder of samlp"
)


def found(page: httpx.Response, path: str) -> list[str]:
    told: Any = etree.HTML(page.text).xpath(path)
    return [str(each) for each in told]


def fields(page: httpx.Response) -> dict[str, str]:
    names = found(page, "//input[@name]/@name")
    return {name: next(iter(found(page, f"//input[@name='{name}']/@value")), "") for name in names}


async def trusted(library: Front, campus: Campus, *, allow_cbc: bool) -> None:
    told = document(campus)
    told["persons"]["register_patrons"] = False
    told["identity_providers"] = [{"entity_id": campus.entity_id, "allow_cbc": allow_cbc}]
    await configure(library, told)


SAMLP = """
const samlp = require('samlp');
const told = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const url = new URL(told.url);
const profile = () => ({
    getClaims: () => told.claims, getNameIdentifier: () => ({nameIdentifier: 'someone'}),
});
const options = {
    issuer: told.issuer, cert: told.cert, key: told.key, getPostURL: (a, b, r, done) => done(null, told.acs),
    profileMapper: profile, getUserFromRequest: () => ({id: 'someone'}), signatureAlgorithm: 'rsa-sha256',
    digestAlgorithm: 'sha256', signResponse: told.response, lifetimeInSeconds: 300, audience: told.audience,
    destination: told.acs, recipient: told.acs,
    ...(told.encrypt ? {
        encryptionCert: told.encrypt, encryptionPublicKey: told.public, encryptionAlgorithm: told.cipher,
        keyEncryptionAlgorighm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
        keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    } : {}),
};
const request = {
    method: 'GET', query: Object.fromEntries(url.searchParams), body: {}, headers: {}, protocol: 'https',
    get: () => url.host, originalUrl: url.pathname, user: {id: 'someone'},
};
const answer = {
    set: () => {}, setHeader: () => {}, send: (html) => process.stdout.write(html), status() { return this; },
    redirect: (to) => process.stdout.write(to),
};
samlp.auth(options)(request, answer, (error) => { console.error(error); process.exit(1); });
"""


def by_samlp(asked: Asked, campus: Campus, **how: Any) -> httpx.Response:
    """The page by which samlp sends somebody back."""
    ours = pair("library")
    public = subprocess.run(
        ["openssl", "x509", "-pubkey", "-noout"], input=ours.certificate, capture_output=True, check=True
    ).stdout
    told = {
        "url": asked.url,
        "issuer": campus.entity_id,
        "cert": campus.key.certificate.decode(),
        "key": campus.key.private.decode(),
        "acs": ACS,
        "audience": US,
        "claims": {PAIRWISE: "someone@campus.test", AFFILIATION: "student@campus.test"},
        "response": False,
        "cipher": GCM,
        "public": public.decode(),
        "encrypt": ours.certificate.decode() if how.pop("encrypt", False) else None,
        **how,
    }
    done = subprocess.run(
        ["node", "-e", SAMLP], cwd=PEERS, input=json.dumps(told), capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return httpx.Response(200, text=done.stdout)


@pytest.mark.parametrize("how", [{}, {"encrypt": True}], ids=["signed", "encrypted"])
async def test_samlp_is_understood(
    library: Front, browser: Browser, campus: Campus, how: dict[str, bool]
) -> None:
    asked = await browser.begin(campus)
    page = await asyncio.to_thread(by_samlp, asked, campus, **how)

    answer = await browser.client.post("/saml/acs", data=fields(page))

    assert answer.status_code == 303, answer.text


@asynccontextmanager
async def simplesamlphp(folder: Path, *, closed: bool) -> AsyncIterator[tuple[str, Campus]]:
    """SimpleSAMLphp on a free port, knowing us; and the campus that it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    key, ours = pair("campus"), pair("library")
    for name in ("cert", "metadata", "log", "data", "tmp", "sessions"):
        (folder / name).mkdir()
    (folder / "cert" / "idp.pem").write_bytes(key.private)
    (folder / "cert" / "idp.crt").write_bytes(key.certificate)
    (folder / "config.php").write_text(f"""<?php $config = [
        'baseurlpath' => '{url}/', 'certdir' => '{folder}/cert/', 'loggingdir' => '{folder}/log/',
        'datadir' => '{folder}/data/', 'tempdir' => '{folder}/tmp', 'secretsalt' => 'salt for a test',
        'auth.adminpassword' => 'nobody knows', 'timezone' => 'UTC', 'logging.handler' => 'file',
        'enable.saml20-idp' => true, 'session.cookie.secure' => false,
        'session.phpsession.savepath' => '{folder}/sessions',
        'session.phpsession.cookiename' => 'SimpleSAML', 'store.type' => 'phpsession', 'language.default' => 'en',
        'metadatadir' => '{folder}/metadata',
        'metadata.sources' => [['type' => 'flatfile', 'directory' => '{folder}/metadata']],
        'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true], 'trusted.url.domains' => null,
        'production' => false, 'theme.use' => 'default',
    ];""")
    (folder / "authsources.php").write_text(f"""<?php $config = [
        'people' => ['exampleauth:UserPass', 'someone:secret' => [
            '{PAIRWISE}' => ['someone@campus.test'], '{AFFILIATION}' => ['student@campus.test'],
        ]],
    ];""")
    (folder / "metadata" / "saml20-idp-hosted.php").write_text(f"""<?php $metadata['{url}/idp'] = [
        'host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt', 'auth' => 'people',
        'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
        'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    ];""")
    body = "".join(ours.certificate.decode().splitlines()[1:-1])
    wish = "'assertion.encryption' => true," if closed else ""
    (folder / "metadata" / "saml20-sp-remote.php").write_text(f"""<?php $metadata['{US}'] = [
        'AssertionConsumerService' => '{ACS}', 'certData' => '{body}', 'validate.authnrequest' => true,
        'saml20.sign.assertion' => true, 'saml20.sign.response' => true, {wish}
        'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
    ];""")
    server = subprocess.Popen(  # noqa: ASYNC220 - it is only begun here
        ["php", "-S", f"127.0.0.1:{port}", "-t", str(PHP / "www")],
        env={**os.environ, "SIMPLESAMLPHP_CONFIG_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log" / "php").open("w"),
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.1)
        yield url, PhpCampus(f"{url}/idp")
    finally:
        server.terminate()
        server.wait(10)


class PhpCampus(Campus):
    """A campus whose sign-on answers where SimpleSAMLphp does."""

    @property
    def sso(self) -> str:
        return self.entity_id.replace("/idp", "/saml2/idp/SSOService.php")


@pytest.mark.parametrize("closed", [False, True], ids=["signed", "encrypted"])
async def test_simplesamlphp_is_understood(
    library: Front, browser: Browser, tmp_path: Path, closed: bool
) -> None:
    if not PHP.is_dir():
        pytest.skip("SimpleSAMLphp is not installed (apt-get install simplesamlphp php-cli php-xml)")
    async with (
        simplesamlphp(tmp_path, closed=closed) as (_, campus),
        httpx.AsyncClient(follow_redirects=True, trust_env=False) as there,
    ):
        await trusted(library, campus, allow_cbc=closed)  # it knows no other cipher
        asked = await browser.begin(campus)
        form = await there.get(asked.url)
        told = {**fields(form), "username": "someone", "password": "secret"}
        action = next(iter(found(form, "//form/@action")), "")
        page = await there.post(form.url.join(action), data=told)
        assert "SAMLResponse" in fields(page), (form.text, page.text)

    answer = await browser.client.post("/saml/acs", data=fields(page))

    assert answer.status_code == 303, answer.text
