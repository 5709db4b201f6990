"""Imports: files of records of any size, slice by slice, with an outcome for each record."""
