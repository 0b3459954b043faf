"""The page of studies, and the lesson."""
