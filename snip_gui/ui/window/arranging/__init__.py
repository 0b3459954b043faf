"""How the window and its panels are arranged on the screen."""
