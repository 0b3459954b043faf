"""What the views show: selection, paths, large layers, weights during training."""
