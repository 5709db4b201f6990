"""Search: the searchable projection of the catalogue, and the language it is asked in."""
