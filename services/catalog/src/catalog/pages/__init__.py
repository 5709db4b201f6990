"""The catalogue's own pages: results and a page per title, made by the service, without scripts, in three languages."""
