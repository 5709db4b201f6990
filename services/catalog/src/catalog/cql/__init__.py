"""CQL, the Contextual Query Language: text to a tree and back. Pure; what an index means is decided elsewhere."""
