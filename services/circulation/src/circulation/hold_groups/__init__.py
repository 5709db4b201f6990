"""Patrons who have subscribed to a serial, a series or a list get holds on what is new in it by themselves."""
