"""A clip from file to file: read, painted frame by frame, put together."""
