"""Run as a script between supervisor and server: step down, tie our life to the parent's, become the program.

A program of its own rather than a hook between fork and exec, which is unsafe with threads about. It is run
by path with an isolated interpreter and must import nothing of ours.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(uid: int, gid: int, parent: int, program: list[str]) -> None:
    """Become `program` as (uid, gid); uid -1 stays who we are."""
    tie = None
    if sys.platform == "linux":
        import ctypes  # loaded as root: the account may not be able to read our interpreter

        tie = ctypes.CDLL(None, use_errno=True).prctl
    os.umask(0o077)
    os.chdir("/")
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if tie is not None:
        # After the change of account, which would clear it. SIGQUIT is PostgreSQL's immediate shutdown:
        # the server takes its children along, and the next start recovers from the log.
        tie(PR_SET_PDEATHSIG, int(signal.SIGQUIT))
        if os.getppid() != parent:
            sys.exit("the supervisor is gone")
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
