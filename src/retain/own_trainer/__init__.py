"""For training scripts with a trainer of their own."""
