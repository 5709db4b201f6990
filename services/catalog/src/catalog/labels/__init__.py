"""Labels for spines and covers, printed from templates."""
