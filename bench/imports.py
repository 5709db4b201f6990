"""An import, until its records are searchable and its items lendable, against pymarc only reading the same file.

.venv/bin/python bench/imports.py [--records 100000]
"""

import argparse
import asyncio
import io
import sys
import time
from pathlib import Path
from typing import Any

import pymarc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from catalog.marc.generate import generate
from support.box import open_box, until
from support.university import CATALOG, CIRCULATION


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of both."""
    made = list(generate(asked.records, seed=3))
    content = b"".join(one.raw for one in made)
    items = sum(len(one.barcodes) for one in made)
    began = time.perf_counter()
    read = sum(1 for _ in pymarc.MARCReader(io.BytesIO(content)))
    reading = time.perf_counter() - began
    assert read == asked.records
    async with open_box() as box:
        library = box.library()
        await library.put("/v1/configuration/catalog", CATALOG)
        await library.put("/v1/configuration/circulation", CIRCULATION)
        began = time.perf_counter()
        job = await library.imported(content, profile="standard")
        imported = time.perf_counter() - began

        async def searchable() -> bool:
            return bool((await library.get("/v1/titles", limit=1))["total"] == asked.records)

        last = made[-1].barcodes[-1]
        found = (await library.get("/v1/items", barcode=last))["items"][0]

        async def lendable() -> bool:
            answer = await library.anonymous.get(f"/v1/titles/{found['title_id']}/availability")
            return answer.status_code == 200

        await until(searchable, seconds=600)
        indexed = time.perf_counter() - began
        await until(lendable, seconds=600)
        known = time.perf_counter() - began
        await library.close()
    assert job["counts"]["created"] == asked.records
    return {
        "records": asked.records,
        "items": items,
        "pymarc only reading, records/s": asked.records / reading,
        "imported, records/s": asked.records / imported,
        "searchable after s": indexed,
        "lendable after s": known,
        "searchable and lendable, records/s": asked.records / max(indexed, known),
        "ratio": reading / max(indexed, known),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    for name, value in asyncio.run(main(parser.parse_args())).items():
        print(f"{name:36} {value:.3f}" if isinstance(value, float) else f"{name:36} {value}")
