"""Lost items: declared or aged, billed, settled, found again; and what patrons say they brought back."""
