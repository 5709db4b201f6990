"""Browsing whole headings: titles, names, subjects, series and genres, in the order in which they file."""
