"""Builds the smaller dense network that a mask leaves."""
