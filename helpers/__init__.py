"""Helper package of the book *Atoms to Spectra*: a ground floor and one room per subject."""
