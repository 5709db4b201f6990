"""Limits of loans beside the patron group's own."""
