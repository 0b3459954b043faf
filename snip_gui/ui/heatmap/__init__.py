"""The parts of the heatmap: the input map and a layer's weights, each with its controls."""
