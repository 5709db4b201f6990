"""Titles: a MARC record each, kept whole, with its earlier versions."""
