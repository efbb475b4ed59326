"""What the document cannot say in JSON Schema: values for schemathesis to send, and a check of batches."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

import schemathesis
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

# A session may occur at most 24 hours from now: these times are past, in any offset.
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(max_value=datetime(2025, 1, 1), timezones=offsets)
schemathesis.openapi.format("date-time", times.map(datetime.isoformat))

# A random id has nothing stored under it. With a few of them coming back, sessions are replaced and
# found again, and so the answers to that are held to the document too.
known = st.sampled_from([UUID(int=n) for n in range(3)])
schemathesis.openapi.format("uuid", st.one_of(known, st.uuids()).map(str))


@schemathesis.check
def batch_outcomes(ctx, response, case):
    """The answer to a batch has an outcome for each record, `invalid` just where the document does not
    allow the record."""
    if case.operation.label != "POST /sessions" or response.status_code != 200:
        return
    schema = case.operation.schema.raw_schema["components"]["schemas"]["BatchRecord"]
    validator = Draft4Validator(schema, format_checker=FormatChecker(["uuid", "date-time"]))
    results = response.json()["results"]
    assert len(results) == len(case.body["sessions"])
    for record, result in zip(case.body["sessions"], results):
        # JSON Schema does not know OpenAPI's `nullable`.
        if isinstance(record, dict) and record.get("occurredAt", ...) is None:
            record = {key: value for key, value in record.items() if key != "occurredAt"}
        is_right = validator.is_valid(record)
        assert is_right == (result["outcome"] != "invalid"), f"{record}: {result}"
