"""A server of Z39.50: other libraries search, scan, sort and fetch the public catalogue, beside SRU."""
