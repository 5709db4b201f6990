"""Names and passwords judged by a directory: OpenLDAP's server where it is installed, and examples everywhere."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from gateway.accounts import passwords
from gateway.accounts.rules import FREE_FAILURES
from gateway.ldap.directory import Directories
from gateway.ldap.rules import askable, one_value, search_filter
from gateway.signon.doors import LdapDoc
from support.campus import LIBRARY, Pair
from support.front import OPERATOR, Front, bearer

BASE = "dc=campus,dc=test"
WORD = "a word that marie knows"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("marie", "(&(objectClass=person)(uid=marie))"),
        ("*", r"(&(objectClass=person)(uid=\2a))"),
        ("m)(uid=*", r"(&(objectClass=person)(uid=m\29\28uid=\2a))"),
        ("a\\2a", r"(&(objectClass=person)(uid=a\5c2a))"),
        ("Zoë", "(&(objectClass=person)(uid=Zoë))"),
    ],
)
def test_whatever_somebody_types_is_a_value(typed: str, told: str) -> None:
    assert search_filter("(objectClass=person)", ["uid"], typed) == told


def test_several_names_are_looked_for_at_once() -> None:
    assert search_filter("(a=b)", ["uid", "mail"], "x") == "(&(a=b)(|(uid=x)(mail=x)))"


@pytest.mark.parametrize(
    ("typed", "password", "may"),
    [
        ("marie", "x", True),
        ("marie", "", False),
        (" ", "x", False),
        ("marie", "x" * 1001, False),
        ("x" * 201, "x", False),
        ("ma\nrie", "x", False),
        ("marie", "x\0", False),
        ("marie", "\ud800", False),
    ],
)
def test_no_directory_is_asked_about_nothing(typed: str, password: str, may: bool) -> None:
    assert askable(typed, password) is may


def test_a_key_is_one_value_whatever_the_case_of_its_name() -> None:
    told = {"ENTRYUUID": ["1"], "mail": ["a", "b"], "empty": [""]}

    assert [one_value(told, name) for name in ("entryUUID", "mail", "empty", "none")] == [
        "1",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    "told", [{"only": "(a=b"}, {"only": "a=b"}, {"url": "http://x"}, {"names": ["a)(b"]}, {"key": "a*"}]
)
def test_a_directory_is_described_so_that_it_can_be_asked(told: dict[str, Any]) -> None:
    whole = {"name": "campus", "label": "Campus", "url": "ldaps://x.test", "base": BASE}
    LdapDoc(**whole)
    with pytest.raises(ValidationError):
        LdapDoc(**{**whole, **told})


def test_guesses_are_counted_and_forgotten_when_one_was_right() -> None:
    now, directories = datetime(2027, 3, 1, tzinfo=UTC), Directories()
    told = [directories.may_guess("marie", now=now) for _ in range(FREE_FAILURES + 2)]
    later = directories.may_guess("marie", now=now + timedelta(seconds=1))
    directories.was_right("marie")

    assert told == [True] * FREE_FAILURES + [False] * 2
    assert later
    assert directories.may_guess("marie", now=now + timedelta(seconds=1))
    assert directories.may_guess("other", now=now)


@dataclass
class Slapd:
    """A directory under way."""

    plain: str
    secret: str
    authority: str


def certified() -> Pair:
    """A key pair for this machine's own address, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(plain, made.public_bytes(pem))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


PEOPLE = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: campus
o: Campus

dn: uid=marie,{BASE}
objectClass: inetOrgPerson
uid: marie
cn: Marie
sn: Curie
givenName: Marie
employeeType: student
userPassword: {WORD}

dn: uid=alumna,{BASE}
objectClass: inetOrgPerson
uid: alumna
cn: A
sn: A
employeeType: alum
userPassword: {WORD}

dn: cn=first,{BASE}
objectClass: inetOrgPerson
uid: twice
cn: first
sn: A
userPassword: {WORD}

dn: cn=second,{BASE}
objectClass: inetOrgPerson
uid: twice
cn: second
sn: B
userPassword: {WORD}

dn: cn=gateway,{BASE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gateway
userPassword: the gateway's own

dn: ou=elsewhere,{BASE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=elsewhere,{BASE}
"""


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """OpenLDAP's own server, with a few people in it."""
    program = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/bin")
    if program is None or not Path("/etc/ldap/schema").exists():
        pytest.skip("slapd is not installed (Debian: slapd)")
    home = tmp_path_factory.mktemp("slapd")
    (home / "data").mkdir()
    made = certified()
    (home / "key.pem").write_bytes(made.private)
    (home / "cert.pem").write_bytes(made.certificate)
    schemas = "".join(
        f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson")
    )
    (home / "slapd.conf").write_text(
        f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {home}/pid\n"
        f"TLSCertificateFile {home}/cert.pem\nTLSCertificateKeyFile {home}/key.pem\n"
        f'database mdb\nsuffix "{BASE}"\ndirectory {home}/data\n'
        "access to attrs=userPassword by * auth\n"
        f'access to * by dn.exact="cn=gateway,{BASE}" read by * none\n'
    )
    (home / "people.ldif").write_text(PEOPLE)
    subprocess.run(
        [program, "-T", "add", "-f", home / "slapd.conf", "-l", home / "people.ldif"],
        check=True,
        capture_output=True,
    )
    plain, secret = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{secret}"
    serving = subprocess.Popen(
        [program, "-h", urls, "-f", home / "slapd.conf", "-d", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", plain)) == 0:
                    break
            time.sleep(0.02)
        yield Slapd(f"ldap://localhost:{plain}", f"ldaps://localhost:{secret}", made.certificate.decode())
    finally:
        serving.terminate()
        serving.wait(10)


class Desk:
    """A library that asks directories, and a browser before it."""

    def __init__(self, gateway: Front, client: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.client = client

    async def asks(self, *directories: dict[str, Any]) -> None:
        told = {
            "entity": {"url": LIBRARY},
            "ldap": list(directories),
            "persons": {
                "register_patrons": False,
                "groups": [{"name": "students", "affiliation": "student", "group": "student"}],
            },
        }
        answer = await self.gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
        assert answer.status_code == 200, answer.text

    async def signs_in(self, username: str, password: str = WORD) -> int:
        page = await self.client.get("/sign-in/local")
        proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
        form = {"proof": proof, "username": username, "password": password, "target": "/here"}
        return (await self.client.post("/sign-in/local", data=form)).status_code


@pytest.fixture
async def desk(gateway: Front, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "NOBODYS", cheap.hash("nobody's"))  # no account is in these stories
    secret = {"secret": "the gateway's own"}
    answer = await gateway.put("/v1/sign-on/secrets/campus", json=secret, headers=bearer(OPERATOR))
    assert answer.status_code == 204
    transport = httpx.ASGITransport(app=gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url=LIBRARY) as client:
        yield Desk(gateway, client)


def directory(slapd: Slapd, **more: Any) -> dict[str, Any]:
    told = {
        "name": "campus",
        "label": "Campus",
        "url": slapd.plain,
        "certificate": slapd.authority,
        "bind_dn": f"cn=gateway,{BASE}",
        "base": BASE,
        "attributes": {"employeeType": "affiliation", "sn": "family-name", "givenName": "given-name"},
    }
    return {**told, **more}


async def test_a_student_signs_in_by_the_directory(slapd: Slapd, desk: Desk) -> None:
    for told in (directory(slapd), directory(slapd, url=slapd.secret), directory(slapd, certificate=None)):
        await desk.asks(told)
        assert await desk.signs_in(" Marie ") == 303, told["url"]

    session = (await desk.client.get("/v1/session")).json()
    kept = await desk.gateway.resources.pool.fetch("SELECT key_kind, key_value FROM person")
    assert (session["identity_provider"], session["roles"]) == ("ldap:campus", ["patron"])
    assert [each["key_kind"] for each in kept] == ["ldap"]
    assert kept[0]["key_value"].startswith("campus#")


async def test_nobody_else_does(slapd: Slapd, desk: Desk) -> None:
    await desk.asks(directory(slapd))
    told = {
        "a wrong password": await desk.signs_in("marie", "wrong"),
        "no password": await desk.signs_in("marie", ""),
        "a star": await desk.signs_in("*"),
        "a filter": await desk.signs_in("marie)(uid=*"),
        "a filter that is always true": await desk.signs_in("*)(objectClass=*"),
        "two of one name": await desk.signs_in("twice"),
        "nobody": await desk.signs_in("nobody"),
        "who is no person": await desk.signs_in("gateway", "the gateway's own"),
        "whom no rule lets in": await desk.signs_in("alumna"),
    }

    assert told == {**dict.fromkeys(told, 401), "whom no rule lets in": 403}
    assert (await desk.client.get("/v1/session")).status_code == 404


async def test_a_directory_that_is_not_the_one_or_not_there_says_nothing(slapd: Slapd, desk: Desk) -> None:
    stories = {
        "of another authority": directory(slapd, certificate=certified().certificate.decode()),
        "ldaps, of another authority": directory(
            slapd, url=slapd.secret, certificate=certified().certificate.decode()
        ),
        "not there": directory(slapd, url="ldap://127.0.0.1:1"),
        "does not know us": directory(slapd, bind_dn=f"cn=other,{BASE}"),
        "refers to another": directory(slapd, base=f"ou=elsewhere,{BASE}"),
    }
    told = {}
    for story, one in stories.items():
        await desk.asks(one)
        told[story] = await desk.signs_in("marie")

    assert told == {**dict.fromkeys(stories, 503), "refers to another": 401}


async def test_the_next_directory_is_asked_where_one_is_away_and_guesses_end(
    slapd: Slapd, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_an_hour(failures: int, *, now: datetime) -> datetime | None:
        return now + timedelta(hours=1) if failures >= FREE_FAILURES else None

    monkeypatch.setattr("gateway.ldap.directory.lock_after", for_an_hour)
    away = directory(slapd, name="away", url="ldap://127.0.0.1:1")
    await desk.asks(away, directory(slapd))
    assert await desk.signs_in("marie") == 303
    await desk.asks(directory(slapd))
    guesses = await asyncio.gather(*(desk.signs_in("marie", "wrong") for _ in range(FREE_FAILURES)))

    assert guesses == [401] * FREE_FAILURES
    assert await desk.signs_in("marie") == 401
