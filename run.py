"""Trust Coach's command line: starts the chat, asks, ingests, lists models, evaluates, looks after itself.

It builds the objects and hands them on; what they do is in bot/.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the embedder's pool; the model has a process of its own
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from bot import __version__
from bot.config import load_settings
from bot.errors import BotError
from bot.logs import leave_no_dumps, set_up


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="settings file (default: bot.toml, if there is one)",
    )
    common.add_argument(
        "--model",
        default=argparse.SUPPRESS,
        help="a name of the catalogue, a .gguf file, or the address of an OpenAI-compatible server",
    )
    top = argparse.ArgumentParser(prog="run.py", parents=[common], description="Trust Coach. Without a command it serves the chat.")
    top.add_argument("--host", help="address to serve on (default: 127.0.0.1)")
    top.add_argument("--port", type=int, help="port to serve on (default: 7860)")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    ask = commands.add_parser("ask", parents=[common], help="answer one question, or many from standard input")
    ask.add_argument("question", nargs="?")
    ask.add_argument("--lang", help="language of the answer (default: the question's)")
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument("--jsonl", action="store_true", help="read questions from standard input, one JSON object a line")
    ask.add_argument("--retrieve-only", action="store_true", help="route and ranked tips only, without the model")
    ingest = commands.add_parser("ingest", parents=[common], help="take in own documents: files or folders")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    models = commands.add_parser("models", parents=[common], help="list, fetch or verify models")
    models.add_argument("action", nargs="?", choices=["list", "pull", "verify"], default="list")
    models.add_argument("name", nargs="?")
    evaluate = commands.add_parser("eval", parents=[common], help="measure answers on a question set")
    evaluate.add_argument(
        "set", nargs="?", default="test", help="dev, test, the name of a set of data/eval, support, ablation, or a .jsonl file"
    )
    evaluate.add_argument("--json", action="store_true", help="print the figures as JSON")
    evaluate.add_argument("--retrieve-only", action="store_true", help="measure retrieval and routes only")
    evaluate.add_argument("--out", type=Path, default=Path("eval-report"), help="folder for the report (default: eval-report)")
    evaluate.add_argument("--against", type=Path, metavar="FOLDER", help="an earlier report to stand beside this one")
    evaluate.add_argument("--limit", type=int, help="at most so many questions a language and kind")
    bench = commands.add_parser("bench", parents=[common], help="measure speed beside the bare library, and keep the fastest settings")
    bench.add_argument("--json", action="store_true", help="print the figures as JSON")
    bench.add_argument("--quick", action="store_true", help="few measurements, settings as they are: two minutes instead of fifteen")
    bench.add_argument("--out", type=Path, default=Path("bench-report"), help="folder for the report (default: bench-report)")
    doctor = commands.add_parser("doctor", parents=[common], help="what is installed, where things lie, what is wrong")
    doctor.add_argument("--json", action="store_true")
    backup = commands.add_parser("backup", parents=[common], help="write documents, settings and feedback into one file")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--index", action="store_true", help="put the index in, too (it is rebuilt otherwise)")
    restore = commands.add_parser("restore", parents=[common], help="put everything of such a file in place")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--replace", action="store_true", help="take away what is there")
    commands.add_parser("forget", parents=[common], help="delete everything that is stored about people, now")
    privacy = commands.add_parser("privacy", parents=[common], help="what is stored about people, where, for how long: a sheet to hand out")
    privacy.add_argument("--lang", default="en", help="language of the sheet (default: en)")
    privacy.add_argument("--no-date", action="store_true", help="without the day")
    commands.add_parser("vectors", parents=[common], help="for editors of cards: embed changed texts of data/languages")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0 done, 1 failed, 2 wrong usage."""
    options = parser().parse_args(arguments)
    leave_no_dumps()
    try:
        settings = load_settings(
            getattr(options, "config", None),
            model=getattr(options, "model", None),
            host=options.host,
            port=options.port,
        )
        set_up(settings.logs, settings.home)
        from bot import commands  # noqa: PLC0415 - `--help` and wrong usage should not load the pipeline

        return commands.run(options, settings)
    except BotError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
