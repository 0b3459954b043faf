"""What every other folder rests on: errors, files, seeds, devices, registries."""
