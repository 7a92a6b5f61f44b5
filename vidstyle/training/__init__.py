"""How the built-in network is trained: photographs and a teacher in, weights out."""
