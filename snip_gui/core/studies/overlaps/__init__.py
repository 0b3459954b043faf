"""How much masks overlap: with one another, with chance, and without one image."""
