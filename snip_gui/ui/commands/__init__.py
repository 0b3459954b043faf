"""Menu commands that take more than a single call."""
