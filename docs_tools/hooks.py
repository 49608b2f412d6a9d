"""What mkdocs does besides: reference pages from the code, and the pages of benchmarks/ and examples/ beside docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from links import DOCS, FILES, ROOT, in_repository, in_site, is_internal, rewritten, targets
from mkdocs.structure.files import File, Files
from reference import pages

FOLDERS = ("benchmarks", "examples")


def repository_pages() -> list[str]:
    """Markdown files outside of docs/ that are pages of the site, as paths in the repository."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.md"))]
    return ["CHANGELOG.md", *(path.relative_to(ROOT).as_posix() for path in found)]


def on_config(config: Any) -> Any:
    """Write out the folders of the navigation."""
    config.nav = [_expanded(entry) for entry in config.nav]
    return config


def _expanded(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    (title, value), *_ = entry.items()
    if isinstance(value, str):
        return {title: _pages_of(value) if value.endswith("/") else value}
    return {title: [page for one in value for page in (_pages_of(one) if one.endswith("/") else [one])]}


def _pages_of(folder: str) -> list[str]:
    """The pages of a folder of the site, in order of name."""
    if folder == "reference/":
        return [f"{folder}{name}.md" for name in pages()]
    if (ROOT / DOCS / folder).is_dir():
        return sorted(f"{folder}{path.name}" for path in (ROOT / DOCS / folder).glob("*.md"))
    return [page for page in repository_pages() if page.startswith(folder)]


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that do not lie in docs/, and the files of the repository that pages link to."""
    for name, text in pages().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    for page in repository_pages():
        files.append(File.generated(config, page, content=(ROOT / page).read_text("utf-8")))
    linked: set[str] = set()
    for file in files.documentation_pages():
        place = _place(file.src_uri)
        linked |= {in_repository(place, one) for one in targets(file.content_string) if is_internal(one)}
    for path in sorted(linked):
        if in_site(path).startswith(FILES) and (ROOT / path).is_file():
            files.append(File.generated(config, in_site(path), abs_src_path=str(ROOT / path)))
    return files


def _place(page: str) -> str:
    """A page's path in the repository."""
    return page if page in repository_pages() else DOCS + page


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as they are in the site; markers of tables stand alone, as Markdown wants it."""
    text = rewritten(markdown, _place(page.file.src_uri))
    return re.sub(r"^(<!-- [a-z0-9_ ]+ -->)$", r"\n\1\n", text, flags=re.M)


def on_post_build(config: Any) -> None:
    """Fail where a page would load something from elsewhere.

    Raises:
        ValueError: says which page and what.
    """
    loads = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=\"?(https?://[^\" >]+)", re.I)
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        if found := loads.search(path.read_text("utf-8")):
            raise ValueError(f"{path} loads {found[1]}; the site must work without a network")
