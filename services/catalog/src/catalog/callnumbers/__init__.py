"""Call numbers: which scheme one is of, where it stands on the shelf, and the shelf to look along."""
