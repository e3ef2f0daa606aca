"""How the site is built: `make docs`, into build/site."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "thermospice"
author = "the thermospice contributors"
copyright = "the thermospice contributors, GPL-3.0-or-later"
release = version_of("thermospice")
version = release

extensions = ["myst_parser", "sphinx_copybutton", "mathml", "from_the_application"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_block"]
myst_heading_anchors = 3
exclude_patterns = ["extensions", "static"]
highlight_language = "none"
# A prompt is shown, and is not part of what is copied.
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"thermospice {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"font-stack": "system-ui, sans-serif"},
    "dark_css_variables": {"font-stack": "system-ui, sans-serif"},
}
