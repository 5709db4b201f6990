"""An import, until its records are searchable and its items lendable, against pymarc only reading the same file.

    .venv/bin/python bench/imports.py [--records 100000] [--only made | real]

Beside the rates it tells what each process's work came to for a record, in microseconds of the processor: on a
machine that others use, too, that is what one run can be compared with another by.

Twice: records made here (UTF-8, items in the standard's fields), and, where they are at hand, 2 000 real ones in
MARC-8 with items in 999, repeated with numbers and barcodes of their own.
"""

import argparse
import asyncio
import io
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pymarc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from metering import Meter

from catalog.marc.generate import generate
from catalog.marc.iso2709 import dumps, read
from catalog.marc.record import Field, Record
from support.box import open_box, until
from support.university import CATALOG, CIRCULATION

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("CARREL_TEST_DATA") or ROOT.parent / "shared" / "data").joinpath(
    "marc", "bib", "solrmarc__uva_001_2000.mrc"
)
LOOK_SECONDS = 0.25
"""Between two looks at how far it is: looking takes the processor, too."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and what is to come of it."""

    name: str
    content: bytes
    records: int
    items: int
    last_barcode: str
    params: dict[str, Any]


def made(count: int) -> Case:
    """Records made up."""
    every = list(generate(count, seed=3))
    return Case(
        "made, UTF-8",
        b"".join(one.raw for one in every),
        count,
        sum(len(one.barcodes) for one in every),
        every[-1].barcodes[-1],
        {"profile": "standard"},
    )


def real(count: int) -> Case | None:
    """Real ones, written in MARC-8 as they came."""
    if not REAL.exists():
        return None
    originals = [found.record for found in read(REAL.read_bytes()) if found.record is not None]
    content, items, last = bytearray(), 0, ""
    for number, record in enumerate(islice(cycle(originals), count)):
        renumbered = list(_renumbered(record, number // len(originals)))
        barcodes = [field.get("i") for field in renumbered if field.tag == "999" and field.get("i")]
        items += len(barcodes)
        last = barcodes[-1] or last if barcodes else last
        content += dumps(Record(record.leader, renumbered), "marc-8")
    params = {"profile": "local-999", "create_locations": True}
    return Case("real, MARC-8", bytes(content), count, items, last, params)


def _renumbered(record: Record, turn: int) -> Iterator[Field]:
    for field in record:
        if field.tag == "001":
            yield Field.control("001", f"{field.value.strip()}-{turn}")
        elif field.tag == "999":
            told = [(code, f"{text}-{turn}" if code == "i" else text) for code, text in field.subfields]
            yield Field.data("999", field.indicators, *told)
        else:
            yield field


async def run(case: Case) -> dict[str, Any]:
    """One case, by pymarc and by us."""
    began, worked = time.perf_counter(), time.process_time()
    count = sum(1 for _ in pymarc.MARCReader(io.BytesIO(case.content), permissive=True))
    reading, worked = time.perf_counter() - began, time.process_time() - worked
    assert count == case.records
    async with open_box() as box:
        library = box.library()
        await library.put("/v1/configuration/catalog", CATALOG)
        await library.put("/v1/configuration/circulation", CIRCULATION)
        meter = Meter(box.family)
        meter.begin()
        began = time.perf_counter()
        job = await library.imported(case.content, look=LOOK_SECONDS, seconds=1200, **case.params)
        imported = time.perf_counter() - began

        async def searchable() -> bool:
            return bool((await library.get("/v1/titles", limit=1))["total"] == case.records)

        found = (await library.get("/v1/items", barcode=case.last_barcode))["items"][0]

        async def lendable() -> bool:
            answer = await library.anonymous.get(f"/v1/titles/{found['title_id']}/availability")
            return answer.status_code == 200

        await until(searchable, seconds=600, again=LOOK_SECONDS)
        indexed = time.perf_counter() - began
        await until(lendable, seconds=600, again=LOOK_SECONDS)
        known = time.perf_counter() - began
        spent = meter.end()
        await library.close()
    assert job["counts"]["created"] == case.records
    assert job["items"]["created"] == case.items
    return {
        "records": case.records,
        "items": case.items,
        "pymarc only reading, records/s": case.records / reading,
        "imported, records/s": case.records / imported,
        "searchable after s": indexed,
        "lendable after s": known,
        "searchable and lendable, records/s": case.records / max(indexed, known),
        "ratio": reading / max(indexed, known),
        "µs of processor a record: pymarc": worked / case.records * 1e6,
        "ours": sum(spent.values()) / case.records * 1e6,
        **{
            f"  {name}": seconds / case.records * 1e6
            for name, seconds in spent.items()
            if seconds / case.records > 1e-6
        },
    }


async def main(asked: argparse.Namespace) -> None:
    """Both cases."""
    for make in (made, real):
        if asked.only not in (None, make.__name__):
            continue
        case = make(asked.records)
        if case is None:
            print(f"-- no real records at {REAL.parent}: left out")
            continue
        print(f"-- {case.name}")
        for name, value in (await run(case)).items():
            print(f"{name:36} {value:.3f}" if isinstance(value, float) else f"{name:36} {value}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--only", choices=("made", "real"))
    asyncio.run(main(parser.parse_args()))
