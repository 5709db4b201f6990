"""Batches are put on a real FTP server, as another implementation of it has them."""

import asyncio
import ipaddress
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from chassis.principal import Principal
from contracts.erm import VoucherDeliveryFailed
from erm.app import SERVICE
from erm.vouchers.delivering import deliver_one
from erm.vouchers.drawing import DEFAULT_GROUP
from erm.vouchers.rules import ATTEMPTS, file_name, tried_again_at
from support.acquiring import NOW, Make, furnished
from support.desk import codes
from support.harness import Harness, migrated, running
from support.units import buyer, put_into, unit

GROUP = f"/v1/batch-groups/{DEFAULT_GROUP}/delivery"
PASSWORD = "ledger-and-till"


@dataclass
class Books:
    """The university's FTP servers, and what they were told."""

    root: Path
    certificate: Path
    plain: int = 0
    secure: int = 0
    said: list[tuple[str, str]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    """Commands that are answered with 550."""

    @property
    def files(self) -> dict[str, bytes]:
        """What lies there."""
        return {each.name: each.read_bytes() for each in self.root.rglob("*") if each.is_file()}


def certified(path: Path) -> None:
    """Key and certificate of 127.0.0.1, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "books")]), datetime.now(UTC)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    told = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(told + made.public_bytes(pem))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """One server without TLS and one that demands it, on this machine."""
    root, certificate = tmp_path_factory.mktemp("books"), tmp_path_factory.mktemp("tls") / "books.pem"
    certified(certificate)
    books = Books(root, certificate)
    who = DummyAuthorizer()
    who.add_user("carrel", PASSWORD, str(root), perm="elradfmw")

    class Noted:
        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            books.said.append((cmd, arg))
            if cmd in books.refuse:
                self.respond("550 not today")  # type: ignore[attr-defined]  # the handler's
                return
            super().pre_process_command(line, cmd, arg)  # type: ignore[misc]  # the handler's

    plain = type("Plain", (Noted, FTPHandler), {"authorizer": who})
    told = {
        "authorizer": who,
        "certfile": str(certificate),
        "tls_control_required": True,
        "tls_data_required": True,
    }
    secure = type("Secure", (Noted, TLS_FTPHandler), told)
    loop = IOLoop()
    servers = [FTPServer(("127.0.0.1", 0), handler, ioloop=loop) for handler in (plain, secure)]
    books.plain, books.secure = (server.socket.getsockname()[1] for server in servers)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            loop.loop(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield books
    over.set()
    thread.join(5)
    servers[0].close_all()


@pytest.fixture
def books(served: Books) -> Books:
    """The same, with nothing on them."""
    for each in served.root.rglob("*"):
        if each.is_file():
            each.unlink()
    served.said.clear()
    served.refuse.clear()
    return served


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]], books: Books) -> AsyncIterator[Harness]:
    """The service, which may deliver on this machine."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    settings = {
        "sealing_key": "a key of the tests' own",
        "delivery_networks": "127.0.0.0/8",
        "delivery_ca_file": str(books.certificate),
    }
    async with running(SERVICE, dsn, settings=settings) as harness:
        yield harness


@pytest.fixture
async def make(erm: Harness) -> Make:
    """A library with an open year, a ledger and a vendor."""
    return await furnished(erm)


async def delivered(make: Make, port: int, **more: Any) -> dict[str, Any]:
    """The group `main` is delivered to a server."""
    body = {"host": "127.0.0.1", "port": port, "user_name": "carrel", "password": PASSWORD}
    answer = await make.erm.put(GROUP, json=body | more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def batch(make: Make) -> dict[str, Any]:
    """A batch of one voucher."""
    budget = await make.budget()
    share = {"fund_id": budget["fund_id"], "percent": "100"}
    line = {"description": "x", "amount": "10.00", "quantity": 1, "shares": [share]}
    await make.handle(await make.invoice(line), "approve")
    told = await make.post("/v1/voucher-batches", {"batch_group_id": str(DEFAULT_GROUP)}, expect=200)
    return dict(told["batch"])


async def delivery(make: Make, of: dict[str, Any]) -> dict[str, Any]:
    """What became of a batch's delivery."""
    (told,) = (await make.get(f"/v1/voucher-deliveries?batch_id={of['id']}"))["items"]
    return dict(told)


async def failures(make: Make) -> list[VoucherDeliveryFailed]:
    """What was told of deliveries that failed."""
    return [
        VoucherDeliveryFailed.model_validate(each.data)
        for each in await make.erm.envelopes()
        if each.type == VoucherDeliveryFailed.type
    ]


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_a_batch_arrives_whole_under_tls_and_once(make: Make, books: Books, form: str) -> None:
    told = await delivered(make, books.secure, form=form)
    made = await batch(make)

    worked = await asyncio.gather(*(deliver_one(make.erm.resources) for _ in range(3)))

    content = (await make.erm.get(f"/v1/voucher-batches/{made['id']}/content?form={form}")).content
    sent = await delivery(make, made)
    commands = [command for command, _ in books.said]
    assert (told["security"], told["has_password"], sorted(worked)) == ("tls", True, [False, False, True])
    assert books.files == {f"vouchers-main-000001.{form}": content}
    assert (sent["state"], sent["attempts"], sent["error"], sent["next_at"]) == ("sent", 1, None, None)
    assert commands.index("AUTH") < commands.index("USER") < commands.index("PROT") < commands.index("STOR")
    assert [arg.rpartition("/")[2] for command, arg in books.said if command in ("STOR", "RNTO")] == [
        f"vouchers-main-000001.{form}.part",
        f"vouchers-main-000001.{form}",
    ]
    assert await failures(make) == []


async def test_what_does_not_arrive_is_tried_again_later_each_time_and_then_told(
    erm: Harness, make: Make, books: Books
) -> None:
    await delivered(make, books.plain, security="none")
    books.refuse.add("STOR")
    made = await batch(make)
    gaps, now = [], NOW

    while await deliver_one(erm.resources):
        found = await delivery(make, made)
        if found["next_at"] is not None:
            later = datetime.fromisoformat(found["next_at"])
            gaps.append((later - now).total_seconds())
            now = later
            erm.at(now)

    failed = await delivery(make, made)
    assert gaps[:4] == [60, 240, 960, 3840]
    assert (failed["state"], failed["attempts"]) == ("failed", ATTEMPTS)
    assert (failed["error"], books.files) == ("the server says: 550 not today", {})
    assert [(each.batch_id, each.attempts, each.number) for each in await failures(make)] == [
        (UUID(made["id"]), ATTEMPTS, 1)
    ]
    assert [each["id"] for each in (await make.get("/v1/voucher-deliveries?state=failed"))["items"]] == [
        failed["id"]
    ]
    books.refuse.clear()
    await make.post(f"/v1/voucher-batches/{made['id']}/deliveries", {}, expect=200)
    await deliver_one(erm.resources)
    assert list(books.files) == ["vouchers-main-000001.xml"]


async def test_whoever_dies_after_the_file_was_put_does_not_put_it_twice(
    erm: Harness, make: Make, books: Books
) -> None:
    await delivered(make, books.plain, security="none")
    made = await batch(make)
    await deliver_one(erm.resources)
    await erm.resources.pool.execute(  # as it was before the outcome was written
        "UPDATE voucher_delivery SET state = 'waiting', next_at = $1, sent_at = NULL", NOW
    )
    books.said.clear()

    await deliver_one(erm.resources)

    assert "STOR" not in [command for command, _ in books.said]
    assert (await delivery(make, made))["state"] == "sent"


async def test_another_file_of_that_name_is_not_written_over(erm: Harness, make: Make, books: Books) -> None:
    await delivered(make, books.plain, security="none")
    (books.root / "vouchers-main-000001.xml").write_text("another library's")
    made = await batch(make)

    await deliver_one(erm.resources)

    assert (await delivery(make, made))["state"] == "failed"
    assert books.files == {"vouchers-main-000001.xml": b"another library's"}


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"password": "wrong"}, "530"),
        ({"host": "10.0.0.1"}, "not public"),
        ({"directory": "no-such-place"}, "550"),
    ],
    ids=["password", "address", "directory"],
)
async def test_what_stands_against_a_delivery_is_told(
    erm: Harness, make: Make, books: Books, told: dict[str, str], error: str
) -> None:
    await delivered(make, books.secure, **told)
    made = await batch(make)

    await deliver_one(erm.resources)

    found = await delivery(make, made)
    assert error in found["error"]
    assert found["state"] == ("failed" if "password" in told else "waiting")
    assert (PASSWORD in found["error"], books.files) == (False, {})


async def test_a_server_that_is_not_who_it_says_gets_no_password(
    database: Callable[..., Awaitable[str]], books: Books
) -> None:
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    settings = {"sealing_key": "a key of the tests' own", "delivery_networks": "127.0.0.0/8"}
    async with running(SERVICE, dsn, settings=settings) as erm:
        make = await furnished(erm)
        await delivered(make, books.secure)
        made = await batch(make)

        await deliver_one(erm.resources)

        found = await delivery(make, made)
        assert (found["state"], found["error"]) == ("waiting", "no TLS: CERTIFICATE_VERIFY_FAILED")
        assert "PASS" not in [command for command, _ in books.said]


async def test_a_password_is_sealed_and_stays_with_its_server(erm: Harness, make: Make, books: Books) -> None:
    first = await delivered(make, books.secure)
    body = {"host": "127.0.0.1", "port": books.secure, "user_name": "carrel"}
    tag = {"If-Match": f'"{first["version"]}"'}

    elsewhere = await erm.put(GROUP, json=body | {"port": 2121}, headers=tag)
    kept = await erm.put(GROUP, json=body | {"form": "json"}, headers=tag)
    stale = await erm.put(GROUP, json=body, headers=tag)
    blind = await erm.put(GROUP, json=body)
    odd = await erm.put(GROUP, json=body | {"user_name": "a\r\nDELE x"})
    with erm.asking(Principal("staff", "clerk", frozenset({"vouchers:export"}))):
        forbidden = await erm.put(GROUP, json=body)
        shown = await erm.get(GROUP)

    sealed = await erm.resources.pool.fetchval("SELECT sealed FROM batch_group_delivery")
    assert PASSWORD.encode() not in bytes(sealed)
    assert PASSWORD not in shown.text
    assert (codes(elsewhere), kept.json()["has_password"]) == (["password-needed"], True)
    assert [each.status_code for each in (stale, blind, odd, forbidden)] == [412, 412, 422, 403]


async def test_a_batch_goes_out_once_whoever_asks_for_it(erm: Harness, make: Make, books: Books) -> None:
    before = await batch(make)
    path = f"/v1/voucher-batches/{before['id']}/deliveries"

    nowhere = await erm.post(path, json={})
    await delivered(make, books.plain, security="none")
    asked = await asyncio.gather(*(erm.post(path, json={}) for _ in range(3)))
    await deliver_one(erm.resources)
    again = await erm.post(path, json={})
    gone = await erm.delete(GROUP)
    after = await batch(make)

    assert codes(nowhere) == ["delivery-not-set-up"]
    assert sorted(each.status_code for each in asked) == [200, 409, 409]
    assert codes(again) == ["delivery-sent"]
    assert (
        gone.status_code,
        (await make.get(f"/v1/voucher-deliveries?batch_id={after['id']}"))["items"],
    ) == (
        204,
        [],
    )


async def test_who_may_not_see_a_batch_sees_and_asks_for_no_delivery(
    erm: Harness, make: Make, books: Books
) -> None:
    await delivered(make, books.plain, security="none")
    made = await batch(make)
    (invoice,) = (await make.get("/v1/invoices"))["items"]
    await put_into(make, "/v1/invoices", invoice, await unit(make, "Law", "jurist"))

    with erm.asking(buyer("painter")):
        seen = (await make.get("/v1/voucher-deliveries"))["items"]
        asked = await erm.post(f"/v1/voucher-batches/{made['id']}/deliveries", json={})

    assert (seen, asked.status_code) == ([], 404)


def test_gaps_grow_to_half_a_day_and_end() -> None:
    gaps = [tried_again_at(attempts, NOW) for attempts in range(1, ATTEMPTS + 1)]

    assert gaps[0] == NOW + timedelta(minutes=1)
    assert gaps[-2] == NOW + timedelta(hours=12)
    assert gaps[-1] is None
    assert file_name("a/b.c", 7, "xml") == "vouchers-a_b.c-000007.xml"
