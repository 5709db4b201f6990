"""A file is put on an FTP server (RFC 959), with explicit TLS (RFC 4217): under another name first, then renamed.

So nobody takes half of it. It blocks: call it in a thread.
"""

import contextlib
import ftplib
import io
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SECONDS: Final = 30.0
"""That the server may take for each answer."""
PART: Final = ".part"


class NotDelivered(Exception):
    """It did not arrive; why, without the password. `for_good`: it is the same the next time."""

    def __init__(self, text: str, *, for_good: bool = False) -> None:
        super().__init__(text)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Server:
    """Where a file is put, and as whom. `addresses` are those that the host stands for, judged before."""

    host: str
    addresses: Sequence[str]
    port: int
    user_name: str
    password: str = field(repr=False)
    directory: str
    tls: bool
    ca_file: str | None = None


class _Tls(ftplib.FTP_TLS):
    """Files go by the session of the commands: servers that demand so know that it is the same client."""

    def ntransfercmd(self, cmd: str, rest: Any = None) -> tuple[Any, int | None]:
        """Open the connection of a file."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - it is wrapped below
        assert isinstance(self.sock, ssl.SSLSocket)
        told = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        return told, size


def upload(server: Server, name: str, content: bytes) -> None:
    """Put a file there; one that is there already with the same size was put before. `NotDelivered`."""
    try:
        ftp = _connected(server)
        try:
            _log_in(ftp, server)
            if server.directory:
                ftp.cwd(server.directory)
            _put(ftp, name, content)
            with contextlib.suppress(*ftplib.all_errors):  # it is there
                ftp.quit()
        finally:
            ftp.close()
    except ssl.SSLError as error:
        raise NotDelivered(f"no TLS: {getattr(error, 'reason', None) or type(error).__name__}") from None
    except ftplib.Error as error:
        raise NotDelivered(_told(error, server)) from None
    except (OSError, EOFError) as error:
        raise NotDelivered(f"no answer: {type(error).__name__}") from None


def _told(error: Exception, server: Server) -> str:
    """What the server said, as far as it can be shown."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    if server.password:
        text = text.replace(server.password, "…")
    return f"the server says: {text[:200]}"


def _connected(server: Server) -> ftplib.FTP:
    """The first of the host's addresses that answers."""
    context = ssl.create_default_context(cafile=server.ca_file) if server.tls else None
    failure: OSError | None = None
    for address in server.addresses:
        ftp = _Tls(context=context, timeout=SECONDS) if context else ftplib.FTP(timeout=SECONDS)  # noqa: S321 - the caller says where
        try:
            ftp.connect(address, server.port)
        except OSError as error:
            failure = error
            ftp.close()
            continue
        ftp.host = server.host  # what its certificate is of
        return ftp
    raise failure or OSError("no address")


def _log_in(ftp: ftplib.FTP, server: Server) -> None:
    try:
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.auth()
        ftp.login(server.user_name, server.password)
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
    except ftplib.error_perm as error:
        raise NotDelivered(_told(error, server), for_good=str(error).startswith("530")) from None


def _size(ftp: ftplib.FTP, name: str) -> int | None:
    """Of a file that is there; None where it is not, or the server does not tell."""
    try:
        return ftp.size(name)
    except ftplib.error_perm:
        return None


def _put(ftp: ftplib.FTP, name: str, content: bytes) -> None:
    ftp.voidcmd("TYPE I")
    there = _size(ftp, name)
    if there == len(content):
        return
    if there is not None:
        raise NotDelivered(f"another file is called {name} there", for_good=True)
    ftp.storbinary(f"STOR {name}{PART}", io.BytesIO(content))
    arrived = _size(ftp, name + PART)
    if arrived is not None and arrived != len(content):
        raise NotDelivered(f"{arrived} of {len(content)} bytes arrived")
    ftp.rename(name + PART, name)
