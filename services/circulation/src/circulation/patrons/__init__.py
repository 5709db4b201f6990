"""Patrons, their blocks and their account."""
