"""What has come of an order, and the items that the catalogue makes of it."""
