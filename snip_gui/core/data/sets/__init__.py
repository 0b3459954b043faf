"""The data sets: what there is to choose, and how each is read."""
