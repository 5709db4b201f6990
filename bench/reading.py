"""Reading MARC against pymarc: the same file, all of its records, in one process.

    .venv/bin/python bench/reading.py [--records 4000] [--files FILE ...]

By processor time, the best of five, both sides in turn. Ours is taken twice: as it is used, fields taken apart when
they are asked for (every one is checked and decoded all the same), and with every field taken apart at once, as pymarc
does. What is compiled (`make setup`) is told; `CARREL_UNCOMPILED=1` leaves it aside.
"""

import argparse
import gc
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import uncompiled

if os.environ.get("CARREL_UNCOMPILED") == "1":
    uncompiled.everywhere()

import pymarc

from catalog.marc import healthy, iso2709
from catalog.marc.generate import generate

TURNS = 5
DATA = Path(os.environ.get("CARREL_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
REAL = ("bib/solrmarc__uva_001_2000.mrc", "bib/marc4j__pride-and-prejudice-fixed.mrc")


def by_pymarc(content: bytes) -> int:
    return sum(1 for _ in pymarc.MARCReader(io.BytesIO(content), permissive=True))


def as_used(content: bytes) -> int:
    return sum(1 for _ in iso2709.read(io.BytesIO(content)))


def taken_apart(content: bytes) -> int:
    count = 0
    for found in iso2709.read(io.BytesIO(content)):
        count += 1
        for field in found.record or ():
            _ = field.subfields
    return count


def best(sides: list[Callable[[bytes], int]], content: bytes) -> list[float]:
    """Microseconds of the processor a record, of each side."""
    spent = [float("inf")] * len(sides)
    for _ in range(TURNS):
        for at, side in enumerate(sides):
            gc.collect()
            began = time.process_time()
            count = side(content)
            spent[at] = min(spent[at], (time.process_time() - began) / count * 1e6)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--files", type=Path, nargs="*")
    asked = parser.parse_args()
    cases = {
        "made, UTF-8": b"".join(made.raw for made in generate(asked.records)),
        "made, MARC-8": b"".join(made.raw for made in generate(asked.records, marc8_share=1.0)),
    }
    files = asked.files or [path for each in REAL if (path := DATA / "marc" / each).exists()]
    cases |= {path.name: path.read_bytes() for path in files}
    print(f"records are taken apart by {healthy.__file__}")
    for name, content in cases.items():
        theirs, used, whole = best([by_pymarc, as_used, taken_apart], content)
        print(
            f"{name}: pymarc {theirs:.1f} µs a record; ours {used:.1f} ({theirs / used:.1f} times as fast), "
            f"every field taken apart {whole:.1f} ({theirs / whole:.1f})"
        )


if __name__ == "__main__":
    main()
