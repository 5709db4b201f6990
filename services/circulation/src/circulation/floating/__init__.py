"""Collections that float: their items stay where they are brought back."""
