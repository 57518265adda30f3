"""Settings: the only reader of the environment and of bot.toml.

A setting comes from, in this order: the command line, `BOT_<NAME>` in the environment, `bot.toml`, the default below.
An unknown name is refused, so that a typing error never passes as a default. It knows nothing of what the settings do.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bot.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "BOT_"

SECRET = {"model_key", "token_secret", "chroma_token"}
"""Settings whose value no message shows."""
Listing = Annotated[tuple[str, ...], NoDecode]
"""Several texts: a list in bot.toml, separated by commas or spaces in the environment."""


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Path("~/.cache/trust-coach")
    """Folder for what is fetched, built and taken in: models/, index/, documents/, feedback/ and tuning.json."""
    data: Path = ROOT / "data"
    """Articles, cards, and a folder a language."""
    prompts: Path = ROOT / "prompts"
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    model: str = ""
    """A name of the catalogue, a path to a GGUF file, or the address of an OpenAI-compatible server; empty: the default."""
    model_key: str = ""
    """Bearer token for a remote model server; never logged."""
    remote_model: str = ""
    """Name of the model on the remote server; empty: the first that it lists."""
    chroma_url: str = ""
    """Address of a Chroma server that several machines share for the index (`http://10.0.0.5:8000`); empty: a folder of this machine."""
    chroma_token: SecretStr = SecretStr("")
    """Bearer token for the proxy in front of the Chroma server; never shown nor logged."""
    hub: str = "https://huggingface.co"
    """Where models are fetched from first; a mirror inside the company goes here."""
    country: str = "default"
    """Which country's help contacts the crisis and sensitive replies name (contacts.yaml of each language)."""
    contacts: Path | None = None
    """An organisation's own help contacts, in the form of `bot.knowledge.routes.OwnContactFile`."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads of the model; 0: what `run.py bench` measured, else all processors this process may use."""
    context: int = Field(default=4096, ge=512, le=131072)
    """Tokens of the model's context window."""
    max_tokens: int = Field(default=260, ge=32, le=2048)
    """Longest answer in tokens."""
    first_token_seconds: float = Field(default=20.0, gt=0)
    """Without a first token by then the answer is composed from the cards."""
    answer_seconds: float = Field(default=45.0, gt=0)
    """The model is stopped then; what was checked by then counts."""
    queue: int = Field(default=8, ge=1, le=1000)
    """Questions that may wait for the model; further ones get the composed answer at once."""
    busy_seconds: float = Field(default=12.0, ge=0)
    """A question that would wait longer for the model gets the composed answer at once; a patient one waits (`Question.patient`)."""
    answer_cache: bool = True
    """Whether short questions without a conversation that are asked again get the same answer at once; kept in memory only."""
    max_question: int = Field(default=4000, ge=100)
    """Characters of a question."""
    history_tokens: int = Field(default=600, ge=0)
    """Tokens of earlier turns that a follow-up may bring along."""
    origins: Listing = ()
    """Sites whose pages may show the widget and call the interface (`https://intranet.example`); empty: none but the chat's own."""
    proxies: Listing = ()
    """Addresses or networks of reverse proxies whose X-Forwarded-… and user header are believed; empty: nobody's."""
    user_header: str = ""
    """Header in which a listed proxy names the user that it signed in (`X-Remote-User`); empty: no header is believed."""
    identity: Literal["optional", "required"] = "optional"
    """Whether a question needs a user: from a signed token or from the proxy's header."""
    token_algorithm: Literal["", "HS256", "RS256", "ES256"] = ""
    """The only algorithm that the intranet's tokens may be signed with; empty: no token is accepted."""
    token_secret: SecretStr = SecretStr("")
    """Shared secret for HS256, at least 32 bytes; never shown nor logged."""
    token_public_key: Path | None = None
    """File with the PEM public key for RS256 or ES256."""
    token_audience: str = "trust-coach"  # noqa: S105 - a name
    """What a token has to name as its audience (`aud`)."""
    token_issuer: str = ""
    """What a token has to name as its issuer (`iss`); empty: any."""
    token_leeway: int = Field(default=30, ge=0, le=300)
    """Seconds by which the clocks of the intranet and this server may differ."""
    limit_user: int = Field(default=20, ge=1, le=100_000)
    """Questions a minute of one known user."""
    limit_address: int = Field(default=60, ge=1, le=100_000)
    """Questions a minute from one address for people who are not known; a whole office may share one."""

    feedback: bool = False
    """Whether managers may leave a thumb and a word under an answer; each of them is asked first (see docs/PRIVACY.md)."""
    feedback_days: int = Field(default=90, ge=0, le=3650)
    """Days that feedback is kept."""

    logs: Literal["plain", "json"] = "plain"
    """How lines on standard error look: for people, or one JSON object a line."""
    metrics_from: Listing = ("127.0.0.0/8", "::1")
    """Addresses and networks that may read /metrics; empty: nobody. Through a reverse proxy nobody may."""
    disk_floor: int = Field(default=300, ge=0)
    """Megabytes of free disk below which /readyz says that the disk is full; rebuilding the index needs about 100."""

    @field_validator("home", "data", "prompts")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("metrics_from", "origins", "proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("metrics_from")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @property
    def models_dir(self) -> Path:
        """Folder of the model files."""
        return self.home / "models"

    @property
    def index_dir(self) -> Path:
        """Folder of the index generations."""
        return self.home / "index"

    @property
    def tuning_file(self) -> Path:
        """What `run.py bench` measured to be the fastest settings of llama.cpp."""
        return self.home / "tuning.json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over bot.toml; no .env file and no secrets folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def from_environment() -> list[str]:
    """Names of the settings that the environment gives."""
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX))


def _nearest(name: str, known: set[str]) -> str:
    """What an unknown name is likely to be: mistyped, or from another version."""
    near = get_close_matches(name, known, n=1)
    return (
        f" Is it meant to be {near[0]}?"
        if near
        else f" It may be one of another version (docs/OPERATE.md). Known are {', '.join(sorted(known))}."
    )


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Reads the settings.

    Args:
        config: a TOML file; None: `bot.toml` in the working folder, if there is one.
        overrides: settings from the command line; None values are left out.

    Raises:
        SettingsError: an unknown name or an impossible value, or a file that is missing or no TOML.
    """
    if config is not None and not config.is_file():
        raise SettingsError(f"The settings file {config} does not exist. Check the path after --config.")
    source = config or Path("bot.toml")
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = [name for name in from_environment() if name.upper() not in known]
    if unknown:
        raise SettingsError(f"Unknown setting in the environment: {', '.join(unknown)}.{_nearest(unknown[0].upper(), known)}")
    given = {name: value for name, value in overrides.items() if value is not None}

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=source if source.is_file() else None)

    try:
        return FileSettings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"Unknown setting {name} in {source}.{_nearest(name, set(Settings.model_fields))}") from error
        found = "a value that is not shown" if name in SECRET else repr(first["input"])
        raise SettingsError(f"Setting {name}: {first['msg']}; found {found}. Correct it in {source} or {PREFIX}{name.upper()}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source} is not valid TOML: {error}. Correct that line.") from error
