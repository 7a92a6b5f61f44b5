"""Per-sample batched optimisers: one sample never feels another."""
