"""What the documents name is there, and the man pages are sound."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "HACKING.md", "CHANGES.md",
             *sorted(str(p.relative_to(ROOT))
                     for p in ROOT.glob("docs/*.md"))]
PAGES = sorted(p.relative_to(ROOT) for p in ROOT.glob("docs/*.[1-8]"))
FOLDERS = r"(?:\.ci|api|bench|clients|dist|docs|script|src|tests|web)"
PATH = re.compile(rf"(?<![\w./$-])({FOLDERS}/[\w.*{{}},/-]*[\w*}}/])")


def braces(path):
    """a{b,c}d is two paths; NNNN is any number."""
    path = path.replace("NNNN", "*")
    found = re.match(r"(.*)\{([^}]*)\}(.*)", path)
    if not found:
        return [path]
    head, choices, tail = found.groups()
    return [name for choice in choices.split(",")
            for name in braces(head + choice + tail)]


def paths_in(text):
    return sorted({name for path in PATH.findall(text)
                   for name in braces(path)})


def test_the_pattern_finds_paths():
    assert paths_in("see `src/cli/up.c`, docs/*.md and src/{a,b}/c.h.") == [
        "docs/*.md", "src/a/c.h", "src/b/c.h", "src/cli/up.c"]
    assert paths_in("$HOME/src/x ./build/tests/x http://h/docs/x") == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document):
    missing = [path for path in paths_in((ROOT / document).read_text())
               if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_between_documents_leads_somewhere(document):
    text = (ROOT / document).read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text)
             if not re.match(r"[a-z]+:", link)]
    missing = [link for link in links
               if not ((ROOT / document).parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_man_page_is_sound(page):
    result = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], cwd=ROOT,
                            capture_output=True, text=True)
    assert result.stdout == ""


def test_every_page_that_another_one_names_exists():
    missing = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        for name, section in re.findall(r"^\.Xr (tollgate\S*) (\d)", text,
                                        re.M):
            if not (ROOT / f"docs/{name}.{section}").exists():
                missing.append((str(page), f"{name}({section})"))
    assert missing == []
