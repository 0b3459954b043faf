"""Fetching data sets, checked by size and digest."""
