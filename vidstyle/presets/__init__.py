"""Named sets of settings: what each changes of the defaults, and why."""
