"""Formatted citations: what a reader puts under a text, in the styles that people ask for. Pure."""
