"""Who relies on what circulation tells."""

from typing import Final

CATALOG: Final = frozenset({"catalog"})
ILL: Final = frozenset({"ill"})
GATEWAY: Final = frozenset({"gateway"})
ERM: Final = frozenset({"erm"})
