"""The main window: its actions, docks, banners and status line."""
