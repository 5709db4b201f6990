"""Numbers that people read out: a prefix and a series for each of titles, holdings and items."""
