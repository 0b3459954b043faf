"""Checkpoints from anywhere: read by safe loaders only, and known for what they are."""
