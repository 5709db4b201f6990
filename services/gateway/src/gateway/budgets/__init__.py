"""Whom requests are counted to, how many there are for each, and what nobody can take from the desks."""
