"""Where a bucket's keys come from, and that they stand in no message."""

from pathlib import Path

import pytest

from runner.files.bucket import BadBucket, Bucket, BucketAway, named, settings

KEYS = {"AWS_ACCESS_KEY_ID": "the-key-id", "AWS_SECRET_ACCESS_KEY": "the-secret", "AWS_REGION": "eu-1"}


def test_S9_a_file_of_keys_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours\nAWS_ACCESS_KEY_ID=mine\nAWS_SECRET_ACCESS_KEY = s=cret \n")
    file.chmod(0o640)
    with pytest.raises(BadBucket, match="nobody else may read it"):
        settings({}, file)
    file.chmod(0o600)
    assert settings(KEYS, file) == {"access_key_id": "mine", "secret_access_key": "s=cret", "region": "eu-1"}
    with pytest.raises(BadBucket, match="No such file"):
        settings({}, tmp_path / "none")


@pytest.mark.parametrize("url", ["s3:/b", "http://b/p", "s3://", "s3://key:secret@b/p", "s3://b/p?x=1"])
def test_what_is_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(BadBucket, match="s3://NAME/PREFIX") as found:
        named(url)
    assert "secret" not in str(found.value)


def test_S9_messages_show_no_key() -> None:
    bucket = Bucket("s3://b/p/", settings(KEYS))
    assert bucket.name == "s3://b/p"
    shown = str(bucket._away(RuntimeError("InvalidAccessKeyId: the-key-id, the-secret\n\nDebug source: the-secret")))
    assert "the-key-id" not in shown
    assert "the-secret" not in shown
    assert "InvalidAccessKeyId" in shown
    assert isinstance(bucket._away(OSError()), BucketAway)
