import os
import warnings

import pytest
from moto import mock_aws

# No test may reach an account, even on a machine with credentials.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}

from .stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def aws():
    """Moto in place of AWS. A resource that moto cannot create is an error."""
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Tried to parse")
        yield


@pytest.fixture(scope="session")
def stack(aws):
    """Stack with only the required parameters."""
    return Stack()


@pytest.fixture(scope="session")
def full_stack(aws):
    """Stack with all optional parameters."""
    certificate = Stack.client("acm").request_certificate(DomainName="stats.example.org")["CertificateArn"]
    Stack.client("s3").create_bucket(Bucket="access-logs")
    return Stack(
        Scheme="internal",
        CertificateArn=certificate,
        AccessLogsBucket="access-logs",
        AlarmEmail="operator@example.org",
        MetricsCidr="10.9.0.0/16",
        TracesEndpoint="http://collector:4318",
        MinInstances="3",
        MaxInstances="9",
        CacheShards="2",
        CacheReplicas="1",
        CacheNodes="0001-001,0001-002,0002-001,0002-002",
        WaitReplicas="0",
    )
