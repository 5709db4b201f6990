"""ISO 18626 1.2 over HTTP, in both roles."""
