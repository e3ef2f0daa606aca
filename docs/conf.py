"""How the site is built: `make docs`, into build/site."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))
# A study that a tutorial runs has its workers in this process: what they log is nothing for a reader of the build.
os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")

from from_the_application import has_simulator  # noqa: E402  (the path stands above)

project = "thermospice"
author = "the thermospice contributors"
copyright = "the thermospice contributors, GPL-3.0-or-later"
release = version_of("thermospice")
version = release

extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "from_the_application",
]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_block"]
myst_heading_anchors = 3
exclude_patterns = ["extensions", "static", "tutorials/sg_execution_times.rst", "sg_execution_times.rst"]
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
if not has_simulator():
    html_theme_options["announcement"] = (
        "There was no ngspice where this site was built: tutorials were not run, and figures are without SPICE."
    )

# The tutorials: scripts of examples/, run when they have changed since the last build, all of them in a fresh checkout.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"/\d\d_",
    "ignore_pattern": r"/(?!\d\d_)[^/]*\.py$",
    "nested_sections": False,
    "abort_on_example_error": True,
    "copyfile_regex": r"",
    "download_all_examples": False,
    "min_reported_time": 3600,
    "plot_gallery": has_simulator(),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "thumbnail_size": (400, 200),
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}
