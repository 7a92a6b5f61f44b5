"""What moved: shots, optical flow, where to trust it, and warping along it."""
