"""The sandbox S3 by boto3."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tests.service.sandbox.process import Process, running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def s3_of(process: Process) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=process.urls["s3"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    )


def test_objects_are_written_read_listed_and_deleted(sandboxes: Process) -> None:
    s3 = s3_of(sandboxes)
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="mesh-six")
    s3.create_bucket(Bucket="mesh-six")
    s3.head_bucket(Bucket="mesh-six")
    s3.put_object(Bucket="mesh-six", Key="repos/octo-org/a b.txt", Body=b"hello", Metadata={"who": "octo"})
    found = s3.get_object(Bucket="mesh-six", Key="repos/octo-org/a b.txt")
    assert found["Body"].read() == b"hello"
    assert found["Metadata"] == {"who": "octo"}
    assert s3.list_objects_v2(Bucket="mesh-six", Prefix="repos/")["KeyCount"] == 1
    s3.delete_object(Bucket="mesh-six", Key="repos/octo-org/a b.txt")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="mesh-six", Key="repos/octo-org/a b.txt")


def test_everything_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path, {"s3": {}}) as process:
        s3 = s3_of(process)
        s3.create_bucket(Bucket="kept-bucket")
        s3.create_bucket(Bucket="gone-bucket")
        s3.put_object(Bucket="kept-bucket", Key="ü/kept", Body=b"one", ContentType="text/plain")
        s3.put_object(Bucket="kept-bucket", Key="ü/kept", Body=b"two", ContentType="text/plain")
        s3.copy_object(Bucket="kept-bucket", Key="copied", CopySource={"Bucket": "kept-bucket", "Key": "ü/kept"})
        s3.upload_fileobj(io.BytesIO(b"1" * 9_000_000), "kept-bucket", "in-parts")
        for key in ("gone", "gone too"):
            s3.put_object(Bucket="kept-bucket", Key=key, Body=b"x")
        s3.delete_object(Bucket="kept-bucket", Key="gone")
        s3.delete_objects(Bucket="kept-bucket", Delete={"Objects": [{"Key": "gone too"}]})
        s3.delete_bucket(Bucket="gone-bucket")
        process.kill()
        process.start()
        s3 = s3_of(process)
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["kept-bucket"]
        listed = {each["Key"]: each["Size"] for each in s3.list_objects_v2(Bucket="kept-bucket")["Contents"]}
        assert listed == {"ü/kept": 3, "copied": 3, "in-parts": 9_000_000}
        assert s3.get_object(Bucket="kept-bucket", Key="ü/kept")["ContentType"] == "text/plain"


def test_reset_empties_it_and_the_log_shows_changes(tmp_path: Path) -> None:
    with running(tmp_path, {"s3": {}}) as process:
        s3_of(process).create_bucket(Bucket="some-bucket")
        log = httpx.get(f"{process.urls['s3']}/_sandbox/requests", params={"changes": "true"}, timeout=60).json()[
            "requests"
        ]
        assert [(each["method"], each["path"]) for each in log] == [("PUT", "/some-bucket")]
        httpx.post(f"{process.urls['s3']}/_sandbox/reset", timeout=60).raise_for_status()
        assert s3_of(process).list_buckets()["Buckets"] == []
