"""The data sets: a catalogue, and how each is read."""
