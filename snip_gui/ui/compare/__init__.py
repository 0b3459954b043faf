"""The parts of the panel that compares: pins, two masks side by side, and many draws."""
