"""Facts of a library's own: which there are is configuration, and what they say is held against that."""
