"""Masks edited by hand."""
