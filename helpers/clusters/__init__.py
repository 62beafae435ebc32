"""Metal nanoclusters in HAADF-STEM images (chapter 3)."""
