"""ISSN, ISBN, DOI and the rest: read, checked, normalised."""
