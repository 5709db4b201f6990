"""Loans for use in the library."""
