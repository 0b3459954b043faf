"""A lesson: one connection followed through the method."""
