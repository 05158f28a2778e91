"""Pages and pictures of docs/ that programs make."""
