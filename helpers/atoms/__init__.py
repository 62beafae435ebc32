"""Single atoms in AC-STEM images (chapters 1 and 2)."""
