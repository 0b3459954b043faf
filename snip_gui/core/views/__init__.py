"""Arrays for pictures, computed with NumPy only: no torch, no Qt."""
