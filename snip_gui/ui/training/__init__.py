"""The training panel and its charts."""
