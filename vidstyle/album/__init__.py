"""Many pictures and many paintings: every pair of them in a folder."""
