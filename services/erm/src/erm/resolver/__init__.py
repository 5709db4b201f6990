"""From a citation to what may be read: the ways to it, and why others are none."""
