"""The real nginx with the configuration of deploy/, on this machine's loopback."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.config import ROOT

_UNPACKED = ROOT / ".venv" / "nginx" / "usr" / "sbin" / "nginx"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def program() -> str:
    """Path of nginx; without one the test is skipped."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or (str(_UNPACKED) if _UNPACKED.exists() else None)
    if found is None:
        pytest.skip("there is no nginx here: apt-get install nginx, or tests/run on Debian and Ubuntu")
    return found


def shipped(folder: Path, port: int, backends: list[int]) -> str:
    """deploy/nginx.conf for this machine: its own port, certificate, log and app processes; everything else as it is shipped."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    line = re.search(r"^ +server 127\.0\.0\.1:7860 (.*)$", text, re.MULTILINE)
    assert line is not None
    servers = "\n".join(f"    server 127.0.0.1:{backend} {line[1]}" for backend in backends)
    changes = {
        line[0]: servers,
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:443 ssl;\n": "",
        "/etc/ssl/certs/coach.example.pem": str(folder / "certificate.pem"),
        "/etc/ssl/private/coach.example.key": str(folder / "key.pem"),
        "/var/log/nginx/coach.error.log": str(folder / "error.log"),
    }
    for shipped_text, here in changes.items():
        assert text.count(shipped_text) == 1, shipped_text
        text = text.replace(shipped_text, here)
    return text


@contextmanager
def nginx(folder: Path, sites: str, port: int) -> Iterator[None]:
    """Runs nginx with these sites until the block ends."""
    certify(folder)
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    whole = f"{user} daemon off; pid {folder}/pid; error_log {folder}/start.log; events {{}} http {{ {temporary}\n{sites}\n}}"
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    command = [program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "start.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as running:
        try:
            _wait(port, running, folder)
            yield
        finally:
            running.terminate()


def _wait(port: int, running: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and running.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError((folder / "start.log").read_text(errors="replace"))


def certify(folder: Path) -> None:
    """Writes a key and a certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
