"""Whom the library buys from: vendors and other organisations."""
