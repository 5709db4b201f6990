"""Records to begin with: a book of ours, a score, a thesis."""
