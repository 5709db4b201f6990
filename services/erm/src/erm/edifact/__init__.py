"""What booksellers and the library tell each other in EDIFACT: quotes, orders, responses, despatches, invoices."""
