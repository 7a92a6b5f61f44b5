"""Feature networks: images and layer names in, named features out."""
