"""Holdings: changed, moved to another title, hidden, taken out and brought back."""
