"""What may be told of an exception: enough to mend it, nothing that quotes what somebody sent or who they are.

PostgreSQL names values in the DETAIL of an error ("Key (barcode)=(…) already exists"), SQLAlchemy the parameters,
pydantic the input, and `int("…")` its argument. Logs, dead letters and leases outlive a person's erasure.
"""

import re
import traceback

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

QUOTING = (ValueError, LookupError)
"""Kinds whose built-in members quote the value they did not like."""


def told(error: BaseException) -> str:
    """The kind of an error and what can safely be said of it, on one line."""
    words = " ".join(_words(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _words(error: BaseException) -> str:
    if isinstance(error, asyncpg.PostgresError):
        message = str(error.args[0] if error.args else "")
        if str(error.sqlstate).startswith("22"):  # data exceptions: the message itself quotes the value
            message = re.split('[:"]', message)[0].strip()
        return f"{message} ({error.sqlstate})".strip()
    if isinstance(error, DBAPIError):
        return f"{told(error.orig)} in {error.statement}" if error.orig is not None else ""
    if getattr(error, "sqlstate", None) is not None and error.__cause__ is not None:
        return told(error.__cause__)  # SQLAlchemy's copy of the driver's error
    if isinstance(error, ValidationError):
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong[:5])
    if isinstance(error, QUOTING) and type(error).__module__ == "builtins":
        return ""
    return str(error)


def traced(error: BaseException) -> str:
    """The traceback, causes first, with each error told safely."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = [traced(before), ""] if before is not None else []
    parts += ["".join(traceback.format_tb(error.__traceback__)) + told(error)]
    if isinstance(error, BaseExceptionGroup):
        parts += [traced(one) for one in error.exceptions]
    return "\n".join(parts)
