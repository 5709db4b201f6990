"""`python -m carrel.starting carrel.serving …`: begin a process, and look for no garbage while it imports.

All that is imported stays, and each of the interpreter's looks goes over everything that is there by then: a fifth
of a start. `garbage.seldom` begins the looking, once the process is ready. The background, and what answers by Z39.50,
answer no requests by HTTP, and declare none.
"""

import gc
import importlib
import sys

from chassis import deferring


def main() -> None:
    """Import the module that is named first, and run its `main` with the rest of the words."""
    gc.disable()
    deferring.models()
    deferring.terminals()
    from chassis import declaring  # which has the framework's models with it

    if sys.argv[1] in ("carrel.background", "carrel.z3950"):
        declaring.nothing()
    importlib.import_module(sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()
