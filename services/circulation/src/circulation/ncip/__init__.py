"""NCIP 2.02 as the answering side: an interlibrary loan that is not ours drives this circulation as its own."""
