"""Links of records are checked: which lead somewhere, which have moved, which are broken, and since when."""
