import os
import warnings

import pytest
from moto import mock_aws

# Nothing here may reach an account, whatever the machine has credentials for.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}

from .stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def aws():
    """Moto in the place of AWS. A resource that it cannot create is an error."""
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Tried to parse")
        yield


@pytest.fixture(scope="session")
def stack(aws):
    """With the required parameters only."""
    return Stack()


@pytest.fixture(scope="session")
def full_stack(aws):
    """With everything that is optional."""
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
