"""Several records of one title become one: nothing that hung on them is lost, and their ids lead to what is left."""
