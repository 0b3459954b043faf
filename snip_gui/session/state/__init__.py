"""The state of a session, and what of it is kept between sessions."""
