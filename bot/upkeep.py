"""The commands of those who run the chat for others: back up, restore, forget, the privacy sheet. Each prints and returns an exit code."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.assemble import Parts
from bot.backup import Places, back_up, restore
from bot.config import ROOT, Settings, from_environment
from bot.privacy import load_texts, sheet
from bot.retention import forget, today


def places(options: argparse.Namespace, settings: Settings) -> Places:
    """Where things lie: the settings file is the one that is named or bot.toml here; own contacts are restored into the home folder."""
    config: Path | None = getattr(options, "config", None)
    return Places(settings.home, (config or Path("bot.toml")).absolute(), settings.contacts or settings.home / "contacts.yaml")


def run_backup(options: argparse.Namespace, parts: Parts) -> int:
    """Writes everything that is neither fetched nor rebuilt into one file."""
    settings = parts.settings
    contents = back_up(places(options, settings), options.file, index=options.index)
    print(f"{options.file} holds {contents}.")
    if set_elsewhere := from_environment():
        print(f"Not in it: settings from the environment ({', '.join(set_elsewhere)}).")
    for own, shipped in ((settings.data, ROOT / "data"), (settings.prompts, ROOT / "prompts")):
        if own != shipped:
            print(f"Not in it: your own folder {own}.")
    return 0


def run_restore(options: argparse.Namespace, parts: Parts) -> int:
    """Puts everything of a backup in place."""
    where = places(options, parts.settings)
    contents = restore(where, options.file, replace=options.replace)
    print(f"Restored {contents} from {contents.created} (version {contents.version}). Start the chat anew to use it.")
    if "contacts.yaml" in contents.files:
        print(f"The contacts are in {where.contacts}; bot.toml has to name that file (contacts = …).")
    return 0


def run_forget(_: argparse.Namespace, parts: Parts) -> int:
    """Deletes everything that is stored about people, and says what was there."""
    for name, count in forget(parts.settings).items():
        print(f"{name}: {count} files deleted, 0 left in {parts.settings.home / name}")
    print("Questions and answers were never stored; log lines on standard error hold none either. Backups are yours to delete.")
    return 0


def run_privacy(options: argparse.Namespace, parts: Parts) -> int:
    """Prints the sheet for works councils and data protection."""
    texts = load_texts(parts.settings, options.lang)
    print(sheet(parts.settings, texts, None if options.no_date else today()), end="")
    return 0
