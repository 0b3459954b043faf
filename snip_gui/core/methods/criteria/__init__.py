"""Criteria computed before training, one module each."""
