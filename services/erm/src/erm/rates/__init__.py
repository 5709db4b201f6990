"""Rates of exchange from sources, day by day, and which of them an order or invoice takes."""
