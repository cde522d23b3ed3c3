"""Keys: made, read, refused; and what is signed with them."""

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from compliance_report.__main__ import main
from compliance_report.signing import SigningError, load_signing_key, make_keys, payload_of, read_public_key, sign

TYPE = "application/vnd.in-toto+json"


def pem(key: PrivateKeyTypes, password: bytes | None = None) -> bytes:
    protection = (
        serialization.BestAvailableEncryption(password) if password is not None else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def public_pem(key: Any) -> bytes:
    made: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def test_a_pair_is_made_once_and_the_private_key_is_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "keys"
    assert main(["signing-key", "--folder", str(folder)]) == 0
    output = capsys.readouterr().out
    private, public = folder / "signing-key.pem", folder / "signing-key.pub.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert f"export COMPLIANCE_SIGNING_KEY={private}" in output
    assert read_public_key(public.read_bytes(), "it").id in output
    before = private.read_bytes(), public.read_bytes()
    for present in (private, public):
        assert main(["signing-key", "--folder", str(folder)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("no key made: ")
        assert "is there already" in error
        assert before == (private.read_bytes(), public.read_bytes())
        present.rename(tmp_path / present.name)
        assert main(["signing-key", "--folder", str(folder)]) == 2
        (tmp_path / present.name).rename(present)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SigningError, match="give a folder that can be written to"):
        make_keys(tmp_path / "file" / "keys")


def test_what_is_signed_is_read_back_by_the_public_key_alone(tmp_path: Path) -> None:
    private, public, key_id = make_keys(tmp_path)
    key = load_signing_key({"COMPLIANCE_SIGNING_KEY": str(private)})
    assert key is not None
    assert key.public.id == key_id
    envelope = sign(b"payload", TYPE, key)
    assert sign(b"payload", TYPE, key) == envelope
    reader = read_public_key(public.read_bytes(), "it")
    assert payload_of(envelope, TYPE, reader) == b"payload"
    changed = {**envelope, "payload": "cGF5bG9hRA=="}
    with pytest.raises(SigningError, match="the statement or the signature was changed"):
        payload_of(changed, TYPE, reader)
    with pytest.raises(SigningError, match="it is an envelope for"):
        payload_of(envelope, "another/type", reader)


def test_without_a_key_there_is_none() -> None:
    assert load_signing_key({}) is None
    assert load_signing_key({"COMPLIANCE_SIGNING_KEY": ""}) is None


def test_a_key_in_place_of_its_file_is_refused_and_not_repeated() -> None:
    key = pem(ec.generate_private_key(ec.SECP256R1())).decode()
    with pytest.raises(SigningError, match="does not name a file that can be read") as refusal:
        load_signing_key({"COMPLIANCE_SIGNING_KEY": key})
    assert not [line for line in key.splitlines() if line in str(refusal.value)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param(b"", "it is no private key in PEM without a passphrase", id="empty"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "which is no ed25519 key", id="another curve"),
        pytest.param(pem(rsa.generate_private_key(65537, 2048)), "which is no ed25519 key", id="rsa"),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP256R1()), b"secret"),
            "it is no private key in PEM without a passphrase",
            id="with a passphrase",
        ),
        pytest.param(
            public_pem(ec.generate_private_key(ec.SECP256R1())),
            "it is no private key in PEM without a passphrase",
            id="public",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_in_one_line(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SigningError, match=reason) as refusal:
        load_signing_key({"COMPLIANCE_SIGNING_KEY": str(file)})
    assert "make signing-key" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_public_keys_of_other_kinds_can_be_read_and_those_that_cannot_sign_not() -> None:
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        assert read_public_key(public_pem(key), "it").id.startswith("sha256:")
    for content in (b"", public_pem(x25519.X25519PrivateKey.generate())):
        with pytest.raises(SigningError, match="it is no public key in PEM"):
            read_public_key(content, "it")


# --- AWS KMS, with a key of this test's own in its place: nothing here has asked AWS ----------------------------------


class Kms:
    """Answers as "GetPublicKey" and "Sign" of the AWS KMS API reference say."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, algorithm: str = "ECDSA_SHA_256") -> None:
        self._key = key
        self._algorithm = algorithm

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        assert KeyId == "alias/audit"
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"PublicKey": der, "SigningAlgorithms": [self._algorithm]}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, bytes]:  # noqa: N803 - as boto3 calls it
        assert (KeyId, MessageType, SigningAlgorithm) == ("alias/audit", "DIGEST", "ECDSA_SHA_256")
        return {"Signature": self._key.sign(Message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))}


def in_place_of_aws(monkeypatch: pytest.MonkeyPatch, client: object) -> None:
    monkeypatch.setattr("securesystemslib.signer._aws_signer.boto3", SimpleNamespace(client=lambda _: client))


KMS = {"COMPLIANCE_SIGNING_KEY": "awskms:alias/audit"}


def test_a_kms_key_signs_what_its_public_key_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    in_place_of_aws(monkeypatch, Kms(private))
    key = load_signing_key(KMS)
    assert key is not None
    reader = read_public_key(public_pem(private), "it")
    assert key.public.id == reader.id
    assert payload_of(sign(b"payload", TYPE, key), TYPE, reader) == b"payload"


def test_a_kms_key_that_cannot_be_used_or_refuses_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    in_place_of_aws(monkeypatch, Kms(private, algorithm="RSASSA_PSS_SHA_256"))
    with pytest.raises(SigningError, match="'alias/audit', which cannot be used: UnsupportedAlgorithmError"):
        load_signing_key(KMS)
    client = Kms(private)
    in_place_of_aws(monkeypatch, client)
    key = load_signing_key(KMS)
    assert key is not None

    def refuse(**_: object) -> None:
        raise InvalidSignature("no\nrights")

    monkeypatch.setattr(client, "sign", refuse)
    with pytest.raises(SigningError, match="does not sign: InvalidSignature: no rights"):
        sign(b"payload", TYPE, key)
