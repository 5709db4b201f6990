"""Who may borrow for whom: a sponsor, and the proxy who comes to the desk."""
