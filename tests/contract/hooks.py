"""What the document cannot say in JSON Schema: values for schemathesis to send, and a check of batches."""

from base64 import urlsafe_b64encode
from datetime import date, datetime, timedelta, timezone
from uuid import UUID
from zlib import crc32

import schemathesis
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker
from schemathesis.specs.openapi import checks

# A session may occur at most 24 hours from now: these times are past, in any offset.
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(max_value=datetime(2025, 1, 1), timezones=offsets)
schemathesis.openapi.format("date-time", times.map(datetime.isoformat))

# A random id has nothing stored under it. With a few of them coming back, sessions are replaced and
# found again, and so the answers to that are held to the document too.
ids = st.one_of(st.sampled_from([UUID(int=n) for n in range(3)]), st.uuids())
schemathesis.openapi.format("uuid", ids.map(str))


def cursor(list_of, place):
    """The cursor of a place in a list, as src/api/cursor.rs makes it."""
    text = list_of + place
    return urlsafe_b64encode(text + crc32(text).to_bytes(4, "big")).decode().rstrip("=")


def place(time, id):
    return (round(time.timestamp()) * 1000).to_bytes(8, "big", signed=True) + id.bytes


places = st.builds(place, times, ids)
# Which list it is of is known where it is used.
schemathesis.openapi.format("cursor", places.map(bytes.hex))


def learner_of(course):
    """The one learner of a course: for schemathesis a path is what it names, whoever asks, so that what one
    learner has recorded or forgotten must not be found or missed by another."""
    return str(UUID(int=UUID(course).int ^ 1))


@schemathesis.hook
def map_case(context, case):
    """Has a course's learner ask, and the parameters of a request that the document allows fit each other,
    and its list."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    if "courseId" in (case.path_parameters or {}) and "X-User-Id" in (case.headers or {}):
        case.headers["X-User-Id"] = learner_of(case.path_parameters["courseId"])
    query = case.query or {}
    if len(query.get("cursor", "")) == 48:
        query["cursor"] = cursor(b"c" if case.path == "/courses" else b"s", bytes.fromhex(query["cursor"]))
    if case.path.endswith("/sessions") and {"from", "to"} <= query.keys():
        query["from"], query["to"] = sorted([query["from"], query["to"]], key=datetime.fromisoformat)
    if case.path.endswith("/activity") and "from" in query:
        first = date.fromisoformat(query["from"])
        last = date.fromisoformat(query.get("to", query["from"]))
        longest = timedelta(min(365, (date.max - first).days))
        query["to"] = str(min(max(first, last), first + longest))
    return case


# A list of nothing is 200 and empty, also where all that it had was forgotten; and what one learner has
# forgotten others may still have.
LISTS = [f"GET /courses/{{courseId}}/{name}" for name in ("sessions", "activity", "summary")]


@schemathesis.check
def found_after_deletion(ctx, response, case):
    """What was forgotten is not found any more: schemathesis's use_after_free, but for lists."""
    return case.operation.label in LISTS or checks.use_after_free(ctx, response, case)


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
