"""Trials: a resource for a while, what people say of it, and what was decided."""
