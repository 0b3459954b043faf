"""Pruning systems side by side: error, cost and what their authors published."""
