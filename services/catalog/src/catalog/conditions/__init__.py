"""Questions over titles, holdings and items together, as a tree of conditions; the database answers within bounds."""
