"""Covers of titles."""
