"""Whether somebody speaks Z39.50 at an address: begin, and hang up."""

import socket
from urllib.parse import urlsplit

from contracts.z3950 import ber, client
from contracts.z3950.ber import NotBer, Unfinished
from contracts.z3950.client import NoAnswer

SECONDS = 5.0
_LONGEST = 65_536


def z3950_problem(address: str) -> str | None:
    """What is wrong at `z3950://host:port/…`, in a few words; None: nothing."""
    told = urlsplit(address)
    try:
        with socket.create_connection((told.hostname or "", told.port or 210), SECONDS) as line:
            line.sendall(client.initialize())
            client.initialized(ber.read(_heard(line))[0])
    except (NotBer, NoAnswer) as error:
        return f"answers oddly: {error}"
    except OSError as error:
        return f"does not answer: {error.strerror or error}"
    return None


def _heard(line: socket.socket) -> bytes:
    told = b""
    while len(told) < _LONGEST:
        piece = line.recv(4096)
        told += piece
        try:
            ber.read(told)
        except Unfinished:
            if not piece:
                raise
        else:
            break
    return told
