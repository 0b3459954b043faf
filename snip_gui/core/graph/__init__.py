"""The layers of a network, their parameters in order, and how they are connected."""
