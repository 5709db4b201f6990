"""Names and passwords judged by a directory (LDAP), for a campus that has nothing better."""
