"""Molecules in plasmonic gaps, their Raman spectra and picocavities (chapter 5)."""
