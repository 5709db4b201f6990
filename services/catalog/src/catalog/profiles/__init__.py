"""Import profiles: match, then action, then what is taken of titles, holdings and items."""
