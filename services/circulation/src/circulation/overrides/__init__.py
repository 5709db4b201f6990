"""Blocks set aside, and who may."""
