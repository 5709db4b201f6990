"""Taking items out of the collection, with circulation's consent."""
