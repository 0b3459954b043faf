"""The heatmap: the input map and the weights of a layer, each with its controls."""
