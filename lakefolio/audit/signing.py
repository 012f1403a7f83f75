"""The key that signs checkpoints (docs/method/11-audit.md#11.2): made on first use, private part readable by its owner alone.

What `verify` trusts is the public part beside it (or a file that the user names), never a key found in a run folder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from lakefolio.errors import UsageError, VerificationError

ENVIRONMENT_NAME = "LAKEFOLIO_SIGNING_KEY"
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """The public part: checks signatures, and nothing else."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 bytes, hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    def accepts(self, message: bytes, signature: str) -> bool:
        """Tell whether this key made the signature (base64) of the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(base64.b64decode(signature, validate=True), message)
        except (InvalidSignature, binascii.Error):
            return False
        return True

    @classmethod
    def load(cls, path: Path) -> TrustedKey:
        """Read a public key file: 64 hexadecimal digits on one line."""
        try:
            raw = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            raise VerificationError(f"no trusted key at {path}: nothing can be verified without one") from None
        except ValueError:
            raw = b""
        if len(raw) != 32:
            raise VerificationError(f"{path} is not an Ed25519 public key of 64 hexadecimal digits")
        return cls(raw)


class SigningKey:
    """The private part, held in memory; never printed, logged or written but to its own file."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.trusted = TrustedKey(private.public_key().public_bytes(*_RAW))

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the public part."""
        return self.trusted.fingerprint

    def sign(self, message: bytes) -> str:
        """Signature of the message, base64."""
        return base64.b64encode(self._private.sign(message)).decode("ascii")

    @classmethod
    def open(cls, folder: Path, secret: SecretStr | None) -> SigningKey:
        """Take the key from the environment, else from `folder`, else make one there with mode 0600.

        Raises
        ------
        UsageError
            The secret or the file is no key, or others may read the file.
        """
        public = folder / "ledger.pub"
        if secret is not None:
            key = cls._from_hex(secret.get_secret_value(), ENVIRONMENT_NAME)
        else:
            private = folder / "ledger.key"
            if not private.exists():
                _create(private)
            if private.stat().st_mode & 0o077:
                raise UsageError(f"{private} may be read by others: chmod 600 it, or delete it to have a new one made")
            key = cls._from_hex(private.read_text(encoding="ascii").strip(), str(private))
        if not public.exists():
            folder.mkdir(parents=True, exist_ok=True)
            public.write_text(key.trusted.raw.hex() + "\n", encoding="ascii")
        return key

    @classmethod
    def _from_hex(cls, text: str, where: str) -> SigningKey:
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
        except ValueError:
            raise UsageError(f"{where} does not hold an Ed25519 private key of 64 hexadecimal digits") from None


def signing_secret() -> SecretStr | None:
    """The signing key of the environment, where there is one."""
    value = os.environ.get(ENVIRONMENT_NAME)
    return SecretStr(value) if value else None


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(raw.hex() + "\n")
