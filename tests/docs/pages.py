"""What the pages of docs/ hold: blocks of code, shell lines, headings."""

import re
from pathlib import Path
from textwrap import dedent

from cryptoml_site.embedded.home import SITE

PAGES = sorted(
    [*(SITE / "docs").glob("*.md"), *(SITE / name for name in ("README.md", "CONTRIBUTING.md", "DEPLOYMENT.md"))]
)
FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n|\n(?= {4}))+")
CALL = re.compile(r"^curl .*(?:\n(?!curl )\S.*|\n .*)*", re.MULTILINE)


def python_blocks(page: Path) -> list[str]:
    return [found["code"] for found in FENCED.finditer(page.read_text()) if found["language"] == "python"]


def shell_blocks(page: Path) -> list[str]:
    """Indented blocks, and fenced ones of a shell, without what the text indents them by."""
    text = page.read_text()
    fenced = [found["code"] for found in FENCED.finditer(text) if found["language"] in ("sh", "bash", "console")]
    return fenced + [dedent(found[0]) for found in INDENTED.finditer(FENCED.sub("", text))]


def curl_lines(page: Path) -> list[str]:
    """Each call of curl of a site, whole: a body may go over several lines. Those of other hosts are left out."""
    paragraphs = [part for block in shell_blocks(page) for part in re.split(r"\n\s*\n", block)]
    calls = [found[0].strip() for part in paragraphs for found in CALL.finditer(part)]
    return [call for call in calls if "$BASE" in call or "127.0.0.1:8000" in call]
