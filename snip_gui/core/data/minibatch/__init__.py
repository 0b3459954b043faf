"""Which images are scored: drawn by class, picked by hand, or the user's own."""
