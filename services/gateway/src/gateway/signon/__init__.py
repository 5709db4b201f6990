"""How people sign in by their campus, as one document: our entity, whom we trust, what follows, how long."""
