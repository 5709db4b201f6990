"""`make bench`: every measurement, one after another; ratios within one run are what counts (docs/benchmarks.md)."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEASUREMENTS = (
    ["desk.py"],
    ["desks.py"],
    ["overdue.py"],
    ["simulating.py"],
    ["reading.py"],
    ["imports.py"],
    ["freshness.py"],
    ["while_importing.py"],
    ["proxying.py"],
    ["saml.py"],
    ["webhooks.py"],
    ["search.py"],
)

for measurement in MEASUREMENTS:
    print(f"== {' '.join(measurement)}", flush=True)
    done = subprocess.run([sys.executable, str(HERE / measurement[0]), *measurement[1:]], check=False)
    if done.returncode:
        sys.exit(done.returncode)
