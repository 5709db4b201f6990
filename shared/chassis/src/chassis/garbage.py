"""How often the interpreter looks for garbage that only it can find: cycles.

Its own habit, after each 700 objects, took a third of an import's time, for a slice is a hundred thousand small
objects that die together without a cycle among them; and each full look passes over all that was imported.
"""

import gc
from typing import Final

AFTER: Final = (50_000, 20, 100)


def seldom() -> None:
    """Look after 50 000 new objects, and never again at what is there now. Call it when a process is ready.

    Whoever has looked for none until then (`gc.disable`) begins to. What a start leaves behind, some three thousand
    objects, is kept with the rest: to find them means to pass over four hundred thousand others, a tenth of a start.
    """
    gc.freeze()
    gc.set_threshold(*AFTER)
    gc.enable()
