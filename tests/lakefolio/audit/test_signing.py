"""The signing key is its owner's alone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from lakefolio.audit.signing import SigningKey, TrustedKey
from lakefolio.errors import UsageError, VerificationError

# RFC 8032, section 7.1, test 1: the empty message.
RFC_8032_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
RFC_8032_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
RFC_8032_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)


def test_signatures_are_those_of_rfc_8032(tmp_path: Path) -> None:
    key = SigningKey.open(tmp_path, SecretStr(RFC_8032_SEED))
    assert key.trusted.raw.hex() == RFC_8032_PUBLIC
    assert base64.b64decode(key.sign(b"")).hex() == RFC_8032_SIGNATURE
    assert key.trusted.accepts(b"", key.sign(b""))
    assert not key.trusted.accepts(b"x", key.sign(b""))
    assert not key.trusted.accepts(b"", "no base64!")


def test_a_key_is_made_once_with_mode_0600_and_its_public_part_beside_it(tmp_path: Path) -> None:
    first = SigningKey.open(tmp_path / "keys", None)
    assert (tmp_path / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert SigningKey.open(tmp_path / "keys", None).fingerprint == first.fingerprint
    assert TrustedKey.load(tmp_path / "keys" / "ledger.pub").fingerprint == first.fingerprint


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    SigningKey.open(tmp_path, None)
    (tmp_path / "ledger.key").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        SigningKey.open(tmp_path, None)


def test_a_wrong_secret_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        SigningKey.open(tmp_path, SecretStr("my-secret-words"))
    assert "my-secret-words" not in str(refusal.value)


def test_nothing_is_verified_without_a_trusted_key(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no trusted key"):
        TrustedKey.load(tmp_path / "ledger.pub")
    (tmp_path / "ledger.pub").write_text("abc", encoding="ascii")
    with pytest.raises(VerificationError, match="64 hexadecimal"):
        TrustedKey.load(tmp_path / "ledger.pub")
