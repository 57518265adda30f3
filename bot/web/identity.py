"""Who asks: the subject of a token that the intranet signed, or the user that a listed proxy names. For access and limits only.

The algorithm is the configured one and no other, whatever a token says of itself. A name never reaches a log, a prompt or a file. The only
file that imports jwt.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.datastructures import Headers

from bot.config import Settings
from bot.errors import SettingsError

TOKEN_HEADER = "x-coach-token"  # noqa: S105 - a header's name
"""Not Authorization: a proxy that signs people in by itself (Negotiate, Basic) needs that one."""
LONGEST_TOKEN = 4096
LONGEST_NAME = 256
LONGEST_LIFE = 24 * 3600
"""Seconds. A token that lives longer is refused: it stands in a page, and whoever copies it has it as long as it lives."""
SECRET_BYTES = 32
RSA_BITS = 2048


class IdentityError(Exception):
    """Nobody may ask like this.

    Args:
        key: the interface text that says so: `error_identity` (nobody is named) or `error_token` (a token that is not valid any more or
            never was). The reader is not told which check failed.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


@dataclass(frozen=True)
class Identities:
    """The configured ways to know who asks."""

    required: bool = False
    algorithm: str = ""
    key: str | EllipticCurvePublicKey | RSAPublicKey = ""
    audience: str = ""
    issuer: str | None = None
    leeway: int = 0
    header: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> Identities:
        """Reads and checks the settings.

        Raises:
            SettingsError: they contradict each other, or the key does not fit the algorithm.
        """
        if settings.user_header and not settings.proxies:
            raise SettingsError("Setting user_header needs proxies: list the addresses of the proxies that may name a user.")
        if settings.identity == "required" and not (settings.user_header or settings.token_algorithm):
            raise SettingsError(
                "Setting identity is required, but nothing can name a user. Set token_algorithm with its key, or user_header."
            )
        if settings.token_algorithm and not settings.token_audience:
            raise SettingsError("Setting token_audience is empty, so tokens for other programs would be let in. Name this chat.")
        return cls(
            required=settings.identity == "required",
            algorithm=settings.token_algorithm,
            key=_key(settings),
            audience=settings.token_audience,
            issuer=settings.token_issuer or None,
            leeway=settings.token_leeway,
            header=settings.user_header,
        )

    def user(self, headers: Headers, *, from_proxy: bool) -> str:
        """The name of the one who asks; empty when nobody is named and nobody has to be.

        Args:
            from_proxy: True when the request came through a listed proxy.

        Raises:
            IdentityError: nobody is named but somebody has to be; or a token is there that is not valid.
        """
        name = headers.get(self.header, "").strip() if self.header and from_proxy else ""
        if name and len(name) <= LONGEST_NAME:
            return f"header {name}"
        token = headers.get(TOKEN_HEADER, "")
        if token and self.algorithm:
            return f"token {self._subject(token)}"
        if self.required:
            raise IdentityError("error_identity", "nobody is named")
        return ""

    def _subject(self, token: str) -> str:
        if len(token) > LONGEST_TOKEN:
            raise IdentityError("error_token", "too long")
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway,
                options={"require": ["exp", "sub", "aud"]},
            )
            left = int(claims["exp"]) - time.time()
        except (jwt.InvalidTokenError, ValueError, OverflowError, RecursionError, TypeError) as error:
            raise IdentityError("error_token", type(error).__name__) from None
        if left > LONGEST_LIFE + self.leeway:
            raise IdentityError("error_token", "lives too long")
        subject: str = claims["sub"]
        if not subject.strip() or len(subject) > LONGEST_NAME:
            raise IdentityError("error_token", "no subject")
        return subject


def _key(settings: Settings) -> str | EllipticCurvePublicKey | RSAPublicKey:
    """The key that fits the algorithm.

    Raises:
        SettingsError: there is none, or it does not fit.
    """
    algorithm, secret, path = settings.token_algorithm, settings.token_secret.get_secret_value(), settings.token_public_key
    if not algorithm:
        return ""
    if algorithm == "HS256":
        length = len(secret.encode())
        if length < SECRET_BYTES:
            raise SettingsError(
                f"Setting token_secret has {length} bytes; HS256 needs at least {SECRET_BYTES}. Make one: openssl rand -base64 48"
            )
        return secret
    if path is None:
        raise SettingsError(f"Setting token_public_key is missing: {algorithm} needs the file of the intranet's public key (PEM).")
    try:
        key = load_pem_public_key(path.expanduser().read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"Setting token_public_key: {path} cannot be read as a PEM public key ({type(error).__name__}).") from error
    if algorithm == "ES256" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if algorithm == "RS256" and isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS:
        return key
    wanted = "a P-256 key" if algorithm == "ES256" else f"an RSA key of at least {RSA_BITS} bits"
    raise SettingsError(f"Setting token_public_key: {path} holds no key for {algorithm}. Give {wanted}.")
