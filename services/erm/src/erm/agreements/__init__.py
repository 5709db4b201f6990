"""What was agreed with whom, for which periods, and what it lets be used."""
