"""A child process that speaks the protocol of `bot.llm.worker` and has no model: it says the words of its prompt again.

The "model file" is JSON that says how it behaves at its start: {"failed": "why"}, {"deaths": n} (it dies n times right after it
said that it is ready), {"dies": true} (always, before it is ready), {"hangs": n} (it says nothing the first n times it loads). In a
prompt the words `die`, `half`, `stall` and `refuse` make it die there, die in the middle of a line, say nothing more, or refuse; for
`how-many-kept` it says how many constant beginnings it was given; each word takes 20 ms.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

commands: queue.Queue[dict[str, Any]] = queue.Queue()
cancelled: set[int] = set()


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def listen() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["op"] == "cancel":
            cancelled.add(command["id"])
        else:
            commands.put(command)
    os._exit(0)


def complete(command: dict[str, Any], kept: int) -> None:
    number, words = command["id"], command["messages"][-1]["content"].split()[: command["max_tokens"]]
    said, began = 0, time.monotonic()
    for word in words:
        if number in cancelled:
            break
        if word == "die":
            os._exit(1)
        if word == "half":
            sys.stdout.write('{"op": "piece", "id": ')
            sys.stdout.flush()
            os._exit(1)
        if word == "stall":
            time.sleep(60)
        if word == "refuse":
            say(op="error", id=number, message="The prompt does not fit.")
            return
        time.sleep(0.02)
        say(op="piece", id=number, text=f"{kept if word == 'how-many-kept' else word} ")
        said += 1
    say(op="done", id=number, prompt=len(words), reused=kept, completion=said, drafted=0, began=began)


def main(model: Path) -> int:
    behaviour = json.loads(model.read_text(encoding="utf-8"))
    if "failed" in behaviour:
        say(op="failed", message=behaviour["failed"])
        return 1
    if behaviour.get("dies"):
        return 1
    if behaviour.get("hangs", 0) > 0:
        model.write_text(json.dumps({**behaviour, "hangs": behaviour["hangs"] - 1}), encoding="utf-8")
        time.sleep(600)
    if behaviour.get("deaths", 0) > 0:
        model.write_text(json.dumps({**behaviour, "deaths": behaviour["deaths"] - 1}), encoding="utf-8")
        os.close(0)
        say(op="ready", context=512, load_ms=1, features="none")
        return 1
    threading.Thread(target=listen, daemon=True).start()
    say(op="ready", context=512, load_ms=1, features="none")
    kept = 0
    while True:
        command = commands.get()
        if command["op"] == "keep":
            kept += 1
        elif command["op"] == "complete":
            complete(command, kept)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
