"""Titles that go from one publisher to another (Transfer Code of Practice, NISO RP-24), and what is to be done then."""
