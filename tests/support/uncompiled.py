"""The catalogue's compiled modules (`services/catalog/compiling.py`) as Python runs them without their extensions."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parents[2] / "services" / "catalog" / "src"
MODULES = ("catalog.marc.record", "catalog.marc.healthy", "catalog.marc.extract")


class Finder:
    """Goes before all others, and finds these modules' sources."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The source of one of them."""
        return _spec(name, name) if name in MODULES else None


def _spec(name: str, source: str) -> ModuleSpec | None:
    return importlib.util.spec_from_file_location(name, HOME / f"{source.replace('.', '/')}.py")


def everywhere() -> None:
    """From now on, in this process, nothing of them is compiled."""
    sys.meta_path.insert(0, Finder)


def beside(name: str) -> ModuleType:
    """The Python of one of them under a name of its own, whatever stands under its right one."""
    spec = _spec(f"uncompiled_{name.rpartition('.')[2]}", name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
