"""A picture in, a painted picture out: the core object, a still, an album."""
