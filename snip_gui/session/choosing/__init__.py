"""Choosing network, data set and minibatch."""
