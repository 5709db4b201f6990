"""Copies as files: kept for whom they are meant, for a while, and for so many times."""
