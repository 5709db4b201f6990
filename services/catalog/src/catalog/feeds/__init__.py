"""What machines read of the public catalogue beside its pages: OpenSearch, Atom, sitemaps, OPDS 2."""
