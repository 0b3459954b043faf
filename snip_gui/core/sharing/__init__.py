"""Runs for other people: bundles of them, and the proof that a mask follows from its recipe."""
