"""Passwords: Argon2id, hashed in a few threads; a wrong name takes as long as a wrong password."""

import asyncio
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
NICE = 10


def _step_back() -> None:
    """Let whatever else the machine does go first: a flood of sign-ins takes the time that is left over."""
    with contextlib.suppress(AttributeError, OSError):  # a thread has a niceness of its own on Linux alone
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2", initializer=_step_back)
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$1xj2m2aUb4GpqOtPPmv54Q$yU/PF9xqKiHvOMnyHQcVhpzzGk1nd3bB9Jdqw6SNdzc"
"""Of random bytes that were thrown away, by the same parameters: to make one takes a quarter of a process's start."""


async def hashed(password: str) -> str:
    """An encoded hash."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password; for nobody's the same work is done, and the answer is no."""
    right = await asyncio.get_running_loop().run_in_executor(_threads, _verify, kept or NOBODYS, password)
    return right and kept is not None


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
