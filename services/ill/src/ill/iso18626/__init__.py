"""ISO 18626, versions 1.2 and 2021-2, over HTTP, in both roles."""
