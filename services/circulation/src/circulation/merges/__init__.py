"""Two registrations of one person become one, and nothing is lost."""
