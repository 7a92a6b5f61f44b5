"""A page to paint on, in a browser, and the runs that it starts."""
