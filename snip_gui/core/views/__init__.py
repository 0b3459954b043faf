"""Pure arrays for pictures: NumPy in, small arrays out, no torch and no Qt."""
