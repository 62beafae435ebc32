"""Explorers that stay alive on a static page, one Python and one JavaScript file each."""
