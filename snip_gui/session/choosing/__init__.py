"""The choice of network, data set and minibatch."""
