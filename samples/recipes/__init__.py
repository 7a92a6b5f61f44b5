"""How each sample is made; ``samples/make_samples.py`` runs them all."""
