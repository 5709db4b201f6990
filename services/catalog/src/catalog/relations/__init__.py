"""Titles that belong together, and what is to be had elsewhere."""
