"""The dialogs About and on unexpected errors."""
