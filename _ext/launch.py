"""Launch buttons and repository links, all from `repository: url` in `_config.yml`."""

import os


def apply(options, url):
    """Change the theme options for the repository at `url` (empty: no links at all)."""
    options["repository_url"] = url
    for button in ("use_repository_button", "use_issues_button", "use_edit_page_button"):
        options[button] = bool(url)
    if not url:
        options["launch_buttons"] = {}


def read_setting(app, config):
    """Take the address from the environment if it is there, else from `_config.yml`."""
    options = config.html_theme_options
    apply(options, os.environ.get("A2S_REPOSITORY", options.get("repository_url") or ""))


def setup(app):
    """Connect before the theme reads its options."""
    app.connect("config-inited", read_setting, priority=10)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
