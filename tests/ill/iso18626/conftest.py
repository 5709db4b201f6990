"""Other libraries on the wire."""

import pytest

from support.lending import Make
from support.otherlibrary import World


@pytest.fixture
def world(make: Make) -> World:
    """Libraries that play along."""
    return World(make)
