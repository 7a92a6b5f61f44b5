"""Shot detection, optical flow, flow consistency and warping."""
