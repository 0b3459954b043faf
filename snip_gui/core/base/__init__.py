"""Foundations of all other folders: errors, files, seeds, devices, registries."""
