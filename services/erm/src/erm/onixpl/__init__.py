"""Licences as ONIX for Publications Licenses (EDItEUR ONIX-PL 1.0): out and in, each way with all that is lost."""
