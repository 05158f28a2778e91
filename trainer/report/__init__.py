"""``metalog-train report``: runs side by side on one self-contained page."""
