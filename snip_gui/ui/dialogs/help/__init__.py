"""About, and what went wrong."""
