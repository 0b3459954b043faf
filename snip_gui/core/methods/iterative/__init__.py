"""Criteria that are computed in several rounds before training, one module each."""
