"""What a scan at check-in tells of the item itself: found, in use, on its way back to the shelf, complete."""
