"""A harvester that is none of ours: OAI-PMH 2.0 over a bare connection, parsed by expat, each identifier counted once.

    .venv/bin/python bench/harvesting.py http://127.0.0.1:8080/oai [--prefix marc21] [--gzip]

It knows the protocol alone: it asks, follows the resumption token, and counts records, those that are told as deleted,
and the fields within them. A token that comes twice, an error and an answer that is no XML end it.
"""

import argparse
import http.client
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit
from uuid import UUID
from xml.parsers import expat

OAI: Final = "http://www.openarchives.org/OAI/2.0/ "
MARC: Final = "http://www.loc.gov/MARC21/slim "
CHUNK: Final = 1 << 16
STEP: Final = 100_000
"""Records between two figures on the way."""


@dataclass(slots=True)
class Answer:
    """What one answer has said."""

    identifiers: list[str] = field(default_factory=list)
    deleted: int = 0
    fields: int = 0
    token: str | None = None
    complete: int | None = None
    """Records of the whole list, as the answer says."""
    error: str | None = None


class Reading:
    """One answer, taken apart as it comes."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begins
        self._parser.EndElementHandler = self._ends

    def feed(self, content: bytes, *, last: bool = False) -> None:
        """More of it. `expat.ExpatError` for what is no XML."""
        self._parser.Parse(content, last)

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        if name == f"{MARC}datafield":
            self.answer.fields += 1
        elif name in (f"{OAI}identifier", f"{OAI}resumptionToken", f"{OAI}error"):
            self._text = []
            self._parser.CharacterDataHandler = self._text.append
            if "completeListSize" in attributes:
                self.answer.complete = int(attributes["completeListSize"])
            if name == f"{OAI}error":
                self.answer.error = attributes["code"]
        elif name == f"{OAI}header" and attributes.get("status") == "deleted":
            self.answer.deleted += 1

    def _ends(self, name: str) -> None:
        if self._text is None:
            return
        self._parser.CharacterDataHandler = None
        text, self._text = "".join(self._text), None
        if name == f"{OAI}identifier":
            self.answer.identifiers.append(text)
        elif name == f"{OAI}resumptionToken":
            self.answer.token = text or None


def answers(
    base_url: str, prefix: str, *, gzip: bool, most: int | None = None
) -> Iterator[tuple[Answer, int]]:
    """Each answer of a full harvest, and its bytes as they came; up to so many answers."""
    where = urlsplit(base_url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port or 80, timeout=120)
    asked, seen, given = f"verb=ListRecords&metadataPrefix={prefix}", set(), 0
    while most is None or given < most:
        connection.request(
            "GET", f"{where.path}?{asked}", headers={"Accept-Encoding": "gzip" if gzip else "identity"}
        )
        got = connection.getresponse()
        if got.status == 503:
            got.read()
            time.sleep(float(got.headers.get("Retry-After", "5")))
            continue
        if got.status != 200:
            raise RuntimeError(f"{asked}: {got.status} {got.read(500)!r}")
        reading, size = Reading(), 0
        packed = zlib.decompressobj(31) if got.headers.get("Content-Encoding") == "gzip" else None
        while chunk := got.read1(CHUNK):
            size += len(chunk)
            reading.feed(packed.decompress(chunk) if packed else chunk)
        reading.feed(packed.flush() if packed else b"", last=True)
        told = reading.answer
        if told.error is not None:
            raise RuntimeError(f"{asked}: {told.error}")
        given += 1
        yield told, size
        if told.token is None:
            return
        if told.token in seen:
            raise RuntimeError(f"the token {told.token} came twice")
        seen.add(told.token)
        asked = f"verb=ListRecords&resumptionToken={quote(told.token, safe='')}"


def harvest(base_url: str, prefix: str, *, gzip: bool = False) -> dict[str, Any]:
    """A full harvest, counted."""
    began = last = time.perf_counter()
    worked = time.process_time()
    seen: set[int] = set()
    records = deleted = fields = size = given = 0
    steps: list[float] = []
    slowest = 0.0
    complete: int | None = None
    asked_at = began
    for answer, length in answers(base_url, prefix, gzip=gzip):
        now = time.perf_counter()
        slowest, asked_at = max(slowest, now - asked_at), now
        records += len(answer.identifiers)
        # the number of the title, which is half of what the identifier takes in memory
        seen.update(UUID(each.rpartition(":")[2]).int for each in answer.identifiers)
        deleted, fields, size, given = (
            deleted + answer.deleted, fields + answer.fields, size + length, given + 1,
        )  # fmt: skip
        complete = complete or answer.complete
        if records // STEP > len(steps):
            steps.append(STEP / (now - last))
            last = now
    took = time.perf_counter() - began
    return {
        "records": records,
        "different records": len(seen),
        "told beforehand": complete,
        "deleted among them": deleted,
        "fields": fields,
        "answers": given,
        "MB": size / 1e6,
        "seconds": took,
        "records/s": records / took,
        "records/s, each 100 000": steps,
        "slowest answer s": slowest,
        "client's own µs a record": (time.process_time() - worked) / max(records, 1) * 1e6,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--prefix", default="marc21")
    parser.add_argument("--gzip", action="store_true")
    told = parser.parse_args()
    print(json.dumps(harvest(told.base_url, told.prefix, gzip=told.gzip)))
