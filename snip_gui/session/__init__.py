"""The application's state and what changes it: Qt without widgets."""
