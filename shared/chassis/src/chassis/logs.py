"""Logs: one JSON object per line, with request, event and trace ids; never names, barcodes or bodies."""

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson

from chassis import faults

about: ContextVar[Mapping[str, str]] = ContextVar("about")
"""The ids of what is being worked on (`request`, `event`, `trace`); each line carries them."""

CHATTY = ("uvicorn.access", "uvicorn.error", "httpx", "httpcore", "aiormq", "aio_pika", "alembic")
"""Loggers of others that tell of each request, addresses included."""

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def ids(traceparent: str | None, **more: str) -> dict[str, str]:
    """What to set `about` to: the trace id of a traceparent, and whatever else names the work."""
    return {**more, "trace": traceparent[3:35]} if traceparent else more


class JsonLines(logging.Formatter):
    """Formats a record, its `extra` fields included."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, Any] = {name: value for name, value in vars(record).items() if name not in _OWN}
        told |= about.get({})
        told |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self.process,
            "logger": record.name,
            "text": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = faults.traced(record.exc_info[1])
        try:
            return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # half of a surrogate pair, or a number beyond 64 bits
            return json.dumps(told, default=str)


def configure(process: str, level: str = "INFO") -> None:
    """Send everything to standard error as JSON lines: warnings and what ends the process, too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _the_end
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel("WARNING")


def _the_end(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
    else:
        logging.getLogger("carrel").critical("the process ends", exc_info=(kind, error, where))
