"""Parts of a clip with paintings of their own: masks frame by frame, and passes."""
