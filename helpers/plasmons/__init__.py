"""Chapter 4: spectrum images of plasmonic particles, and networks between geometry and spectrum."""
