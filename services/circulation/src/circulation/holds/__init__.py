"""Holds, pages and recalls: one queue per title."""
