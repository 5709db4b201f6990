"""SRU 1.1, 1.2 and 2.0: searching and scanning the catalogue with CQL."""
