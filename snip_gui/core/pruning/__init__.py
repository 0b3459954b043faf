"""Sensitivity, ranking and masks."""
