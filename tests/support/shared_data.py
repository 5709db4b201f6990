"""Where the shared real records lie. They are not part of the project, so a user's clone has none."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared_data(*parts: str) -> Path:
    """The path of a shared test file; skips the test, saying so, where the collection is absent."""
    base = Path(os.environ.get("CARREL_TEST_DATA") or ROOT.parent / "shared" / "data")
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared test data is not here: {'/'.join(parts)} (set CARREL_TEST_DATA to its folder)")
    return path
