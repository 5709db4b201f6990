"""Exact money: minor units, shares and rates."""
