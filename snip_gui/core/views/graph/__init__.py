"""The network as a graph: its nodes and edges, and where to draw them."""
