"""``metalog-train benchmark``: what may be seen, who is tested, and against which simple rules."""
