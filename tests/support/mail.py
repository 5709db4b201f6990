"""A mail server, played on loopback: it speaks SMTP with STARTTLS and a login, and refuses what it is told to."""

import asyncio
import base64
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOGIN = base64.b64encode(b"\0slips\0secret").decode()


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the certificate by which clients know it."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(private, hashes.SHA256())
    )
    told, key = folder / "mail.pem", folder / "mail.key"
    told.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key.write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(told, key)
    return context, told


@dataclass
class MailServer:
    """What it took, and how it answers."""

    context: ssl.SSLContext | None = None
    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], bool]] = field(default_factory=list)
    """From, to, and whether it came over TLS after a login."""
    refuses: dict[str, str] = field(default_factory=dict)
    """Answers by verb (`RCPT`: `550 no such user`), or by the address of a RCPT."""
    hears: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure, known, sender, to = False, False, "", list[str]()

        async def say(*lines: str) -> None:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())
            await writer.drain()

        await say(self.refuses.get("HELLO", "220 played"))
        while line := (await reader.readline()).decode().strip():
            self.hears.append(line)
            verb = line.split(" ")[0].split(":")[0].upper()
            address = line.partition("<")[2].partition(">")[0]
            if refused := self.refuses.get(address) or self.refuses.get(verb):
                await say(refused)
            elif verb == "EHLO":
                more = ["250-AUTH PLAIN"] if secure else ["250-STARTTLS"] if self.context else []
                await say("250-played", *more, "250 8BITMIME")
            elif verb == "STARTTLS" and self.context is not None:
                await say("220 go on")
                await writer.start_tls(self.context)
                secure = True
            elif verb == "AUTH":
                known = line == f"AUTH PLAIN {LOGIN}"
                await say("235 welcome" if known else "535 who are you")
            elif verb == "MAIL":
                sender = address
                await say("250 ok")
            elif verb == "RCPT":
                to.append(address)
                await say("250 ok")
            elif verb == "DATA":
                await say("354 tell")
                told = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                self.taken.append(message_from_bytes(told, policy=policy.default))
                self.envelopes.append((sender, to, secure and known))
                await say("250 taken")
            else:
                await say("221 bye" if verb == "QUIT" else "250 ok")


@asynccontextmanager
async def mail_server(context: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    """Listening while a test runs."""
    played = MailServer(context)
    listening = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    played.port = listening.sockets[0].getsockname()[1]
    try:
        yield played
    finally:
        listening.close()
