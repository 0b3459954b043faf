"""User-supplied networks: their source, a trial in a separate process, and running them."""
