"""Who asks: tokens of the intranet and the proxy's header; every way to forge one is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import Settings
from bot.errors import SettingsError
from bot.web.app import create_app
from bot.web.identity import LONGEST_LIFE, Identities, IdentityError

SECRET = "correct-horse-battery-staple-" + "0123456789" * 4
OTHER_SECRET = "another-secret-of-enough-bytes-98765432"
EMPTY = {"question": " "}


def claims(**changed: Any) -> dict[str, Any]:
    full = {"sub": "kari", "aud": "trust-coach", "iss": "intranet", "exp": int(time.time()) + 300, **changed}
    return {name: value for name, value in full.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers)


def by_hand(header: dict[str, Any], payload: Any, key: bytes = b"") -> str:
    """A token as no library would make it."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = base64.urlsafe_b64encode(hmac.digest(key, b".".join(parts), hashlib.sha256)).rstrip(b"=") if key else b""
    return b".".join([*parts, signature]).decode()


def identities(**changed: Any) -> Identities:
    return Identities.from_settings(
        Settings(**{"token_algorithm": "HS256", "token_secret": SECRET, "token_issuer": "intranet", "identity": "required", **changed})
    )


def user(token: str, known: Identities | None = None) -> str:
    return (known or identities()).user(Headers({"x-coach-token": token}), from_proxy=False)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def public(rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    for name, key in (("RS256", rsa_key), ("ES256", ec_key)):
        (folder / name).write_bytes(pem(key))
    return {name: folder / name for name in ("RS256", "ES256")}


def test_shared_secret_names_the_user() -> None:
    assert user(signed()) == "token kari"


def test_public_key_names_the_user(public: dict[str, Path], rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey) -> None:
    for algorithm, key in (("RS256", rsa_key), ("ES256", ec_key)):
        known = identities(token_algorithm=algorithm, token_public_key=public[algorithm])
        assert user(signed(key, algorithm), known) == "token kari"


def test_clocks_may_differ_a_little() -> None:
    now = int(time.time())
    assert user(signed(exp=now - 20)) == "token kari"
    assert user(signed(nbf=now + 20, iat=now + 20)) == "token kari"


NOW = int(time.time())
REFUSED = {
    "expired": signed(exp=NOW - 31),
    "not yet": signed(nbf=NOW + LONGEST_LIFE),
    "from the future": signed(iat=NOW + LONGEST_LIFE),
    "never expires": signed(exp=None),
    "lives too long": signed(exp=NOW + 2 * LONGEST_LIFE),
    "exp is no number": by_hand({"alg": "HS256"}, claims(exp="soon"), SECRET.encode()),
    "exp is endless": by_hand({"alg": "HS256"}, claims(exp=float("inf")), SECRET.encode()),
    "wrong key": signed(OTHER_SECRET),
    "empty key": by_hand({"alg": "HS256"}, claims(), b"\0"),
    "for another program": signed(aud="payroll"),
    "for no program": signed(aud=None),
    "by another issuer": signed(iss="elsewhere"),
    "by no issuer": signed(iss=None),
    "nobody": signed(sub=None),
    "empty name": signed(sub="  "),
    "long name": signed(sub="x" * 300),
    "name is no text": by_hand({"alg": "HS256"}, claims(sub={"a": 1}), SECRET.encode()),
    "alg none": by_hand({"alg": "none"}, claims()),
    "alg None": by_hand({"alg": "None"}, claims()),
    "alg nOnE with a signature": by_hand({"alg": "nOnE"}, claims(), SECRET.encode()),
    "no alg": by_hand({"typ": "JWT"}, claims(), SECRET.encode()),
    "another strength": signed(algorithm="HS512"),
    "its own key": by_hand({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}, claims(), b"AAAA"),
    "key from an address": by_hand({"alg": "HS256", "jku": "https://evil.example/keys", "kid": "../../dev/null"}, claims(), b"\0"),
    "demands of its own": by_hand({"alg": "HS256", "crit": ["unknown"], "unknown": 1}, claims(), SECRET.encode()),
    "changed afterwards": ".".join([signed().split(".")[0], signed(sub="boss").split(".")[1], signed().split(".")[2]]),
    "claims are a list": by_hand({"alg": "HS256"}, [1, 2], SECRET.encode()),
    "too deep": by_hand({"alg": "HS256"}, {}, SECRET.encode()).replace(".e30.", "." + base64.urlsafe_b64encode(b"[" * 2500).decode() + "."),
    "too long": signed(extra="x" * 5000),
    "two parts": "a.b",
    "no token": "hello",
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_token_that_is_not_right_is_refused(token: str) -> None:
    with pytest.raises(IdentityError) as refused:
        user(token)
    assert refused.value.key == "error_token"


def test_public_key_is_no_shared_secret(public: dict[str, Path], ec_key: ec.EllipticCurvePrivateKey) -> None:
    known = identities(**{"token_algorithm": "RS256", "token_public_key": public["RS256"]})
    forged = by_hand({"alg": "HS256", "typ": "JWT"}, claims(), public["RS256"].read_bytes())
    for token in (forged, by_hand({"alg": "RS256"}, claims(), public["RS256"].read_bytes()), signed(ec_key, "ES256"), signed()):
        with pytest.raises(IdentityError):
            user(token, known)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=80), st.from_regex(r"[\w-]{0,30}\.[\w-]{0,60}\.[\w-]{0,40}")))
def test_no_text_is_let_in_and_none_breaks_anything(token: str) -> None:
    known = identities()
    with pytest.raises(IdentityError):
        known.user(Headers(raw=[(b"x-coach-token", token.encode()[:4000])]), from_proxy=False)


def test_header_is_believed_from_a_listed_proxy_only() -> None:
    known = identities(user_header="X-Remote-User", proxies="10.0.0.5")
    headers = Headers({"X-Remote-User": "kari"})
    assert known.user(headers, from_proxy=True) == "header kari"
    with pytest.raises(IdentityError) as refused:
        known.user(headers, from_proxy=False)
    assert refused.value.key == "error_identity"


def test_no_header_is_believed_by_default() -> None:
    assert Identities.from_settings(Settings()).user(Headers({"X-Remote-User": "kari"}), from_proxy=True) == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token_secret": "short"}, "32"),
        ({"token_algorithm": "RS256"}, "token_public_key"),
        ({"token_algorithm": "RS256", "token_public_key": "ES256"}, "RSA"),
        ({"token_algorithm": "ES256", "token_public_key": "RS256"}, "P-256"),
        ({"token_algorithm": "RS256", "token_public_key": "missing"}, "cannot be read"),
        ({"token_algorithm": "RS256", "token_public_key": "private"}, "cannot be read"),
        ({"token_algorithm": ""}, "nothing can name a user"),
        ({"token_audience": ""}, "token_audience"),
        ({"user_header": "X-Remote-User"}, "proxies"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, str], said: str, public: dict[str, Path], rsa_key: rsa.RSAPrivateKey) -> None:
    folder = public["RS256"].parent
    (folder / "private").write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if "token_public_key" in wrong:
        wrong = {**wrong, "token_public_key": str(folder / wrong["token_public_key"])}
    with pytest.raises(SettingsError, match=said) as refused:
        identities(**wrong)
    assert "short" not in str(refused.value)


@contextmanager
def app(parts: Parts, **settings: Any) -> Iterator[TestClient]:
    coach = parts.coach(None)
    given = {"token_algorithm": "HS256", "token_secret": SECRET, "token_issuer": "intranet", **settings}
    coach.settings = Settings(home=parts.settings.home, **given)
    with TestClient(create_app(coach), client=("203.0.113.1", 5)) as client:
        yield client


def test_only_known_people_get_in_where_identity_is_required(parts: Parts) -> None:
    with app(parts, identity="required") as client:
        for path in ("/api/ask", "/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/cancel", "/gradio_api/reset"):
            assert client.post(path, json=EMPTY).status_code == 401
        assert client.get("/gradio_api/queue/data?session_hash=x").status_code == 401
        assert client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": REFUSED["wrong key"]}).status_code == 401
        assert client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": signed()}).status_code == 200
        refused = client.post("/api/ask", json=EMPTY, headers={"Accept-Language": "nb"})
    assert refused.json() == {"error": parts.interfaces["nb"]["error_identity"], "key": "error_identity"}


def test_token_in_the_address_or_a_cookie_counts_for_nothing(parts: Parts) -> None:
    with app(parts, identity="required") as client:
        assert client.post(f"/api/ask?token={signed()}", json=EMPTY).status_code == 401
        assert client.post("/api/ask", json=EMPTY, headers={"Cookie": f"x-coach-token={signed()}"}).status_code == 401


def test_nobody_has_to_be_known_where_it_is_optional_but_a_bad_token_is_told(parts: Parts) -> None:
    with app(parts) as client:
        assert client.post("/api/ask", json=EMPTY).status_code == 200
        refused = client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": REFUSED["expired"]})
    assert refused.status_code == 401
    assert refused.json()["key"] == "error_token"


def test_guessing_tokens_is_slowed_down(parts: Parts) -> None:
    with app(parts, limit_address=3, identity="required") as client:
        told = [client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": f"{n}.b.c"}).status_code for n in range(6)]
        assert told == [401] * 3 + [429] * 3
        assert client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": signed()}).status_code == 200


def test_user_has_one_limit_at_whatever_address_and_with_whatever_token(parts: Parts) -> None:
    with app(parts, limit_user=3, proxies="203.0.113.1") as client:
        told = [
            client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": signed(jti=str(n)), "X-Forwarded-For": f"198.51.100.{n}"})
            for n in range(5)
        ]
        other = client.post("/api/ask", json=EMPTY, headers={"X-Coach-Token": signed(sub="ola")})
    assert [response.status_code for response in told] == [200] * 3 + [429] * 2
    assert other.status_code == 200


def test_no_name_and_no_token_reaches_a_log(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token, bad = signed(sub="kari.nordmann"), signed(OTHER_SECRET, sub="kari.nordmann")
    with app(parts) as client:
        for one in (token, bad):
            client.post("/api/ask", json={"question": "Hvordan holder jeg løfter?"}, headers={"X-Coach-Token": one})
    assert "kari" not in caplog.text
    assert token not in caplog.text
    assert bad not in caplog.text
