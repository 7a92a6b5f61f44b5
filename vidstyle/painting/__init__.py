"""Working-size frames -> stylized frames: lanes through the batch, coherent in time."""
