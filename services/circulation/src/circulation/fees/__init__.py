"""What patrons owe: fees, payments and the ledger behind them."""
