"""Perpetual rights: which years of a title stay the library's, whatever becomes of the agreement."""
