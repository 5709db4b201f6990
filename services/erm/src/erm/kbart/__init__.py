"""KBART (NISO RP-9-2014): title lists in and out."""
