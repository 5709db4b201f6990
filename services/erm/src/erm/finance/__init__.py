"""Fiscal years, ledgers, funds and budgets, and every transaction on them."""
