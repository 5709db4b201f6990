"""A patron's visit to a desk: what went out and what came in, told as one."""
