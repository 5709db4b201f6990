"""Loans that are renewed without being asked for."""
