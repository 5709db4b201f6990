"""Titles that were merged, and items that went to another title: holds and loans follow."""
