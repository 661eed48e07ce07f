"""What the site of docs/ has beside docs/: pages from the top of the checkout, and links that hold in both places."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
FROM_TOP = ("CHANGELOG.md", "CONTRIBUTING.md", "DEPLOYMENT.md")
ELSEWHERE = {TOP / ".env.example": "settings.md", TOP / "README.md": "index.md", **{TOP / n: n for n in FROM_TOP}}
LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")
SETTINGS = """# Settings

All by environment, and all but what is said have a default. This is `.env.example`, word for word.

```ini
{lines}```
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add those of the top, and the settings, which are told in one place alone."""
    for name in FROM_TOP:
        if (TOP / name).exists():  # a link to one that is not is told by the build
            files.append(File.generated(config, name, content=(TOP / name).read_text()))
    lines = (TOP / ".env.example").read_text()
    files.append(File.generated(config, "settings.md", content=SETTINGS.format(lines=lines)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links lead where they lead in the checkout; to a file that is no page, its name is left without a link."""
    folder = TOP if page.file.src_uri in FROM_TOP else (DOCS / page.file.src_uri).parent
    return LINK.sub(lambda link: _led(link, folder), markdown)


def _led(link: re.Match[str], folder: Path) -> str:
    target, anchor = (folder / link["path"]).resolve(), link["anchor"] or ""
    if target in ELSEWHERE:
        return f"{link['text']}({ELSEWHERE[target]}{anchor})"
    if target.is_relative_to(DOCS):
        return f"{link['text']}({target.relative_to(DOCS).as_posix()}{anchor})"
    return link["text"].strip("![]") if target.exists() else link[0]
