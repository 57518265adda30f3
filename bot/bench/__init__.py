"""Measuring speed: ours and the bare library in turns in one run. See docs/SPEED.md."""
