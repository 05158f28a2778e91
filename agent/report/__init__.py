"""``metalog-agent report``: a host on one self-contained page. Loaded by that command alone."""
