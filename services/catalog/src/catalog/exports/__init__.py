"""Titles for others, by job: whole or what has changed, in one of the formats, once or on schedule."""
