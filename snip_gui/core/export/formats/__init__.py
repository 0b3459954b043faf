"""The file formats of pruned checkpoints, one module each."""
