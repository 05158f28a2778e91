"""Commands of ``metalog-train``, one module each."""
