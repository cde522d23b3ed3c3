"""Keys and signatures (DSSE, by securesystemslib); imported only where one is needed, since that takes 0.2 s."""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import AWSSigner, CryptoSigner, Signer, SSlibKey

VARIABLE: Final = "COMPLIANCE_SIGNING_KEY"
PRIVATE_KEY_FILE: Final = "signing-key.pem"
PUBLIC_KEY_FILE: Final = "signing-key.pub.pem"

_KMS: Final = "awskms:"
_KMS_SCHEME: Final = "ecdsa-sha2-nistp256"
_LINE: Final = "application/vnd.compliance-report.history-line+json"
_PEM: Final = serialization.Encoding.PEM
_SUBJECT_PUBLIC_KEY_INFO: Final = serialization.PublicFormat.SubjectPublicKeyInfo


class SigningError(ValueError):
    """A key cannot be used, or there is no signature of it; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: its id (`sha256:` and the digest of its DER form, as openssl writes it) and its PEM form."""

    id: str
    pem: bytes
    verifier: SSlibKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs, and the public key that shows it."""

    signer: Signer
    public: Key


def load_signing_key(environment: Mapping[str, str]) -> SigningKey | None:
    """The key that COMPLIANCE_SIGNING_KEY names, None where it is not set.

    It is the path of an ed25519 private key (PEM, without a passphrase), or `awskms:` and the id, ARN or alias of a key
    in AWS KMS (ECC_NIST_P256, for signing), which is asked for its public key. Raises `SigningError` when it cannot be
    used.
    """
    named = environment.get(VARIABLE, "")
    if not named:
        return None
    if named.startswith(_KMS):
        return _load_from_kms(named.removeprefix(_KMS))
    try:
        private = serialization.load_pem_private_key(Path(named).read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # what names no file is not repeated: it may be the key itself
        reason = (
            f"does not name a file that can be read ({error.strerror or error})"
            if isinstance(error, OSError)
            else f"is {named!r}: it is no private key in PEM without a passphrase"
        )
        raise SigningError(f"{VARIABLE} {reason}; make one with 'make signing-key'") from error
    if not isinstance(private, Ed25519PrivateKey):
        # an ECDSA signature differs each time (that of a KMS key does), and the same audit should give the same bytes
        raise SigningError(f"{VARIABLE} is {named!r}, which is no ed25519 key; make one with 'make signing-key'")
    public = _key(private.public_key().public_bytes(_PEM, _SUBJECT_PUBLIC_KEY_INFO))
    return SigningKey(CryptoSigner(private, public.verifier), public)


def _load_from_kms(key: str) -> SigningKey:
    try:
        _, found = AWSSigner.import_(key, _KMS_SCHEME)
        public = _key(found.keyval["public"].encode())
        return SigningKey(AWSSigner(key, public.verifier), public)
    except Exception as error:  # boto3 and securesystemslib raise what they like; none of it is more than this line
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SigningError(f"{VARIABLE} names the KMS key {key!r}, which cannot be used: {reason}") from error


def read_public_key(pem: bytes, name: str) -> Key:
    """A public key from its PEM form; `name` is how the message calls it. Raises `SigningError` when it is none."""
    try:
        return _key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"{name} is no public key in PEM (ed25519, ECDSA or RSA); give one") from error


def _key(pem: bytes) -> Key:
    public = serialization.load_pem_public_key(pem)
    der = public.public_bytes(serialization.Encoding.DER, _SUBJECT_PUBLIC_KEY_INFO)
    key_id = f"sha256:{hashlib.sha256(der).hexdigest()}"
    return Key(key_id, public.public_bytes(_PEM, _SUBJECT_PUBLIC_KEY_INFO), SSlibKey.from_crypto(public, keyid=key_id))


# --- signing and checking ---------------------------------------------------------------------------------------------


def sign(payload: bytes, payload_type: str, key: SigningKey) -> dict[str, Any]:
    """A DSSE envelope around a payload. Raises `SigningError` when the key refuses."""
    envelope = Envelope(payload, payload_type, {})
    try:
        envelope.sign(key.signer)
    except Exception as error:  # as in _load_from_kms: a KMS key may refuse in many ways
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SigningError(f"the key {key.public.id} does not sign: {reason}") from error
    return envelope.to_dict()


def payload_of(envelope: Mapping[str, Any], payload_type: str, key: Key) -> bytes:
    """The payload of a DSSE envelope that the key has signed; raises `SigningError` when it has not."""
    try:
        found = Envelope.from_dict({**envelope, "signatures": [dict(one) for one in envelope["signatures"]]})
        signers = ", ".join(found.signatures) or "nobody"
    except (Error, KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise SigningError("it is no DSSE envelope") from error
    if found.payload_type != payload_type:
        raise SigningError(f"it is an envelope for {found.payload_type!r}, not for {payload_type}")
    if key.id not in found.signatures:
        raise SigningError(f"it is signed by {signers}, not by {key.id}")
    try:
        found.verify([key.verifier], 1)
    except Error as error:
        raise SigningError(
            f"the signature is not one of {key.id}: the statement or the signature was changed"
        ) from error
    return found.payload


def sign_line(line: bytes, key: SigningKey) -> str:
    """The signature of a line of the history, base64."""
    return str(sign(line, _LINE, key)["signatures"][0]["sig"])


def has_signed_line(line: bytes, signature: object, key: Key) -> bool:
    """Whether a signature of a line of the history is one of the key."""
    envelope = {"payload": base64.b64encode(line).decode(), "payloadType": _LINE}
    try:
        payload_of({**envelope, "signatures": [{"keyid": key.id, "sig": signature}]}, _LINE, key)
    except SigningError:
        return False
    return True


# --- a key for a start ------------------------------------------------------------------------------------------------


def make_keys(folder: Path) -> tuple[Path, Path, str]:
    """Make an ed25519 pair in a folder: the files of the private (for its owner alone) and the public key, and the id.

    Raises `SigningError` when one of the two files is there already.
    """
    private, public = folder / PRIVATE_KEY_FILE, folder / PUBLIC_KEY_FILE
    for file in (private, public):
        if file.exists():
            raise SigningError(f"{file} is there already, and a lost key cannot be made again; move it away first")
    made = Ed25519PrivateKey.generate()
    content = made.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = _key(made.public_key().public_bytes(_PEM, _SUBJECT_PUBLIC_KEY_INFO))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # made for its owner alone from the first byte, not narrowed afterwards
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
        public.write_bytes(key.pem)
    except OSError as error:
        raise SigningError(f"{folder}: {error.strerror}; give a folder that can be written to") from error
    return private, public, key.id
