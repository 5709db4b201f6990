"""Patrons come for what is ready at a time that was agreed on, so that it can be put together for them."""
