"""Circulation that is not ours: told by NCIP, or by staff, what our own is told by events."""
