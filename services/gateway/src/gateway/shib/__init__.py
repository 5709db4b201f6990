"""Signing in behind mod_shib: its headers are believed on one path, from one place, with a proof, and nowhere else."""
