"""PAIA auth: patrons sign in with card and PIN for programs that speak the Patrons Account Information API."""
