"""Export of pruned networks: one module per format, one registry."""
