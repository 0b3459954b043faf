"""Measurements of a network and its connections, in double precision."""
