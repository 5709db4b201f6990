"""Who patrons are: names, addresses, identifiers, consents; found by name or number."""
