"""Moments that a client may name and the database keeps as they are."""

from chassis.moments import EARLIEST, LATEST, Moment

__all__ = ["EARLIEST", "LATEST", "Moment"]
