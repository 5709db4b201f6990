"""From the desk back to the shelf: how long it takes, what lies on the cart, and what has been put back."""
