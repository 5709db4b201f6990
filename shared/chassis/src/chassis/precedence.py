"""Who comes first when there are too few cores: the desk. What works behind it steps back, its database too.

A process's niceness alone may move nothing: where no control group does it, Linux weighs whole sessions against each
other and looks at niceness only inside one (autogroup, sched(7)), and PostgreSQL makes a session of every backend.
So both are set. Nothing here fails: where it is not permitted, or the database is on another machine, all are equal.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import asyncpg

BACKGROUND = 5
"""Niceness of relays, consumers, timers and the index: a third of the desk's weight."""
PATIENCE_SECONDS = 0.15


def step_back(niceness: int, pid: int = 0) -> bool:
    """Let a process and the threads it starts come behind others; whether that was permitted. 0 is this one."""
    try:
        if os.getpriority(os.PRIO_PROCESS, pid) < niceness:
            os.setpriority(os.PRIO_PROCESS, pid, niceness)
        if os.getsid(pid) == (pid or os.getpid()):
            with suppress(FileNotFoundError):  # no such thing in this kernel
                Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(niceness))
    except OSError:
        return False
    return True


def step_back_with(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, niceness: int, *, tries: int = 20
) -> None:
    """Let the server's process behind a connection come behind others, if it is on this machine and may be told.

    The kernel takes one such wish in a tenth of a second from an ordinary user, so it is repeated for a while.
    """
    if connection.is_closed():
        return
    pid = connection.get_server_pid()
    if _ours(pid, connection.get_settings().session_authorization) and not step_back(niceness, pid) and tries:
        asyncio.get_running_loop().call_later(
            PATIENCE_SECONDS, lambda: step_back_with(connection, niceness, tries=tries - 1)
        )


def _ours(pid: int, role: str) -> bool:
    """Whether this machine's process of that number is a PostgreSQL backend of this role, reached by a socket file."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return False
    return title.startswith(f"postgres: {role} ") and " [local] " in title
