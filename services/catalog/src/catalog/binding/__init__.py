"""Issues become one volume, and may be issues again."""
