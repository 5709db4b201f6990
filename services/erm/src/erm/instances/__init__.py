"""Titles as the knowledge base knows them: print and online siblings, their identifiers, merging and splitting."""
