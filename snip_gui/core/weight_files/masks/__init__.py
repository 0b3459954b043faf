"""Files that hold masks alone."""
