"""Argon2id in threads of its own, so that the desk's event loop hashes nothing."""

import asyncio
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

NICE = 10
_hasher = PasswordHasher()


def _modest() -> None:
    """A flood of guesses takes the time that is left over."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="card-pin", initializer=_modest)


@cache
def _nobodys() -> str:
    return _hasher.hash("a PIN that nobody has")


async def hashed(pin: str) -> str:
    """Argon2id, with salt and parameters in it."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, pin)


async def matches(pin: str, kept: str | None) -> bool:
    """Whether it is the PIN. Where there is none to compare with, the same work is done."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verified, kept, pin)


def _verified(kept: str | None, pin: str) -> bool:
    try:
        return _hasher.verify(kept or _nobodys(), pin) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
