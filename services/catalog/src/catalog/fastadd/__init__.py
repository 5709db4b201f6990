"""A book at the desk that the catalogue does not know: added in one call, lent at once, catalogued later."""
