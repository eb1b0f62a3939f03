"""Settings of the site: Sphinx with MyST for Markdown, and Furo."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python/src"))

project = "udfrunner"
author = "The udfrunner maintainers"
copyright = "The udfrunner maintainers, Apache License 2.0"
version = release = re.findall(r'VERSION "(.*)"', (ROOT / "capi/version.h").read_text())[0]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
default_role = "code"
nitpicky = False
suppress_warnings = [
    "myst.header"
]  # pages for the repository, too, may begin below a first heading

# Headings have the anchors that they have in the repository.
myst_heading_anchors = 4

# Signatures say the types: nothing that the package imports is needed to read it.
autodoc_mock_imports = ["pyarrow", "pandas", "pyspark", "click", "rich", "polars"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_class_signature = "mixed"
maximum_signature_line_length = 80
add_module_names = False
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"udfrunner {release}"
html_logo = html_favicon = str(ROOT / "docs/pictures/logo.svg")
html_static_path = [str(ROOT / "docs/site/static")]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "sidebar_hide_name": False,
    "source_repository": "https://github.com/udfrunner/udfrunner/",
    "source_branch": "main",
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#b5451b", "color-brand-content": "#9c3a14"},
    "dark_css_variables": {"color-brand-primary": "#ff9e73", "color-brand-content": "#ffa77f"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
