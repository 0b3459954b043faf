"""The Compare panel: pins, the comparison of two masks, and stability over draws."""
