"""Studies of the questions that the field asks about pruning before training."""
