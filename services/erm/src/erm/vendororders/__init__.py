"""What a librarian chose on a vendor's site, posted by the vendor as an order."""
