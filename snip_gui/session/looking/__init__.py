"""What is looked at: selection, paths, large layers, weights while training."""
