"""Local accounts of people."""
