"""A process that looked for no garbage while it imported looks for it once it is ready."""

import subprocess
import sys

ASKED = """
import gc
gc.disable()
from chassis import garbage
garbage.seldom()
print(gc.isenabled(), gc.get_threshold() == garbage.AFTER, gc.get_freeze_count() > 0)
"""


def test_a_process_that_is_ready_looks_for_garbage_seldom_and_not_at_what_is_there() -> None:
    told = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["True", "True", "True"]
