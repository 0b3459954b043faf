"""Taking the pruned network home: one format a file, one registry."""
