"""The window: widgets only. Panels read the session's state and call the controller's intents."""
