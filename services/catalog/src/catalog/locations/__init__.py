"""Where items stand, and what kinds of items and loans there are."""
