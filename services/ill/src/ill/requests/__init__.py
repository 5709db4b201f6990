"""Requests, ours and theirs: a state model held as data (`*.toml`), and the actions that it names."""
