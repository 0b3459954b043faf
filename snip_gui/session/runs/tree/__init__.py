"""The tree of plans, and its file."""
