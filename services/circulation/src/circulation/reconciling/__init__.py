"""Counts and copies are counted again once a day: differences are told, and mended where that is safe."""
