"""What the document cannot say in JSON Schema, as values for schemathesis to send."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

import schemathesis
from hypothesis import strategies as st

# A session may occur at most 24 hours from now: these times are past, in any offset.
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(max_value=datetime(2025, 1, 1), timezones=offsets)
schemathesis.openapi.format("date-time", times.map(datetime.isoformat))

# A random id has nothing stored under it. With a few of them coming back, sessions are replaced and
# found again, and so the answers to that are held to the document too.
known = st.sampled_from([UUID(int=n) for n in range(3)])
schemathesis.openapi.format("uuid", st.one_of(known, st.uuids()).map(str))
