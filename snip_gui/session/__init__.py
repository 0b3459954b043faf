"""The state of the application and everything that changes it. Qt without widgets."""
