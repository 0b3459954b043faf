"""Download of data sets, verified by size and digest."""
