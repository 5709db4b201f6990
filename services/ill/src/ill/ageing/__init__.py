"""Until when something is waited for: by service level, by calendar, and by how old a request is."""
