"""Acquisition units: who may see or change what is bought."""
