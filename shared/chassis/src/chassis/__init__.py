"""What every Carrel service is bolted onto. It knows no library word."""
