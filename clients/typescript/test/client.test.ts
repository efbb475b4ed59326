// The client on a running service, whose URL is in STUDY_STATS_URL; faults are injected by a proxy before it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { StudyStats, StudyStatsError, type BatchRecord } from "../src/index.js";

const url = process.env["STUDY_STATS_URL"] ?? "http://localhost:8080";

/** Faults of the next requests, in their order. */
const faults: ("503" | "cut" | "lost answer")[] = [];
/** Requests that passed the proxy: method, path and status. */
const passed: string[] = [];

const proxy = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
  const fault = faults.shift();
  if (fault === "cut") return void incoming.socket.destroy();
  if (fault === "503") return void outgoing.writeHead(503, { "Retry-After": "0" }).end();
  const { method, headers, url: path = "/" } = incoming;
  const forwarded = request(new URL(path, url), { method, headers, agent: false }, (answer) => {
    passed.push(`${method ?? ""} ${path} ${String(answer.statusCode)}`);
    // The write is done, and the client does not know.
    if (fault === "lost answer") return void incoming.socket.destroy();
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(forwarded);
});
await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
after(() => {
  proxy.close();
  proxy.closeAllConnections();
});
const service = new StudyStats(`http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`);

function stats(totalModulesStudied: number, averageScore: number, timeStudied: number) {
  return { sessionId: randomUUID(), totalModulesStudied, averageScore, timeStudied };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function failsWith(status: number, code: string) {
  return (error: unknown) => {
    assert(error instanceof StudyStatsError);
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.match(error.requestId ?? "", /./);
    return true;
  };
}

test("a learner's way through every operation", async () => {
  const [course, learner] = [randomUUID(), service.learner(randomUUID())];
  assert.equal(await learner.totals(course), undefined);
  const [occurredAt, updatedAt] = ["2026-10-01T23:40:00+02:00", "2026-10-02T00:05:00+02:00"];
  const first = { ...stats(5, 80, 120_000), occurredAt, updatedAt };
  assert.equal(await learner.record(course, first), "OK");
  assert.equal(await learner.record(course, { ...first, updatedAt: occurredAt }), "superseded");
  const { sessionId, ...numbers } = stats(10, 90, 240_000);
  assert.equal(await learner.record(course, { sessionId, ...numbers, occurredAt: "2026-10-02T08:00:00+02:00" }), "OK");
  const totals = { totalModulesStudied: 15, averageScore: 85, timeStudied: 360_000 };
  assert.deepEqual(await learner.totals(course), totals);
  assert.deepEqual(await learner.session(course, sessionId), { sessionId, ...numbers });
  assert.equal(await learner.session(course, randomUUID()), undefined);
  const days = { from: "2026-10-01", to: "2026-10-02" };
  const activity = await learner.activity(days, course);
  assert.deepEqual([activity.days.length, activity.currentStreak], [2, 2]);
  assert.deepEqual(await learner.activity(days), activity);
  const sessions = await all(learner.sessions(course));
  assert.deepEqual(sessions.map((session) => session.sessionId), [sessionId, first.sessionId]);
  assert.equal((await all(learner.sessions(course, { to: "2026-10-02T00:00:00Z" }))).length, 1);
  const [listed] = await all(learner.courses());
  assert.deepEqual([listed?.courseId, listed?.sessions, listed?.averageScore], [course, 2, 85]);
  assert.deepEqual(await service.summary(course), { learners: 1, sessions: 2, ...totals });
  assert.deepEqual((await all(service.roster(course))).map((row) => row.sessions), [2]);
  assert.equal(await learner.deleteSession(course, sessionId), true);
  assert.equal(await learner.deleteSession(course, sessionId), false);
  assert.equal(await learner.deleteCourse(course), true);
  assert.equal(await learner.deleteCourse(course), false);
  assert.equal(await learner.record(course, first), "OK");
  await learner.erase();
  assert.equal(await learner.totals(course), undefined);
  await assert.rejects(learner.record(course, first), failsWith(410, "learner_erased"));
});

test("a wrong field is an error with the field", async () => {
  const learner = service.learner(randomUUID());
  await assert.rejects(learner.record("7", stats(-1, 1, 1)), (error: unknown) => {
    assert(error instanceof StudyStatsError);
    assert.deepEqual([error.status, error.code, error.message], [400, "invalid_request", "invalid courseId"]);
    assert.deepEqual(error.fields.map((problem) => problem.field), ["courseId", "totalModulesStudied"]);
    return true;
  });
});

test("records beyond a batch are parted, and every page is read", async () => {
  const [courseId, userId] = [randomUUID(), randomUUID()];
  const records: BatchRecord[] = Array.from({ length: 2001 }, () => ({ userId, courseId, ...stats(1, 1, 1) }));
  records.push({ userId, courseId, ...stats(-1, 1, 1) });
  passed.length = 0;
  const results = await service.recordAll(records);
  assert.deepEqual(passed, Array(3).fill("POST /sessions 200"));
  const stored = results.filter((result) => result.outcome === "stored");
  assert.deepEqual([stored.length, results.at(-1)?.errors?.[0]?.field], [2001, "totalModulesStudied"]);
  const listed = await all(service.learner(userId).sessions(courseId));
  assert.equal(new Set(listed.map((session) => session.sessionId)).size, 2001);
});

test("an unchanged read is sent without a body, and has its data", async () => {
  const [course, learner] = [randomUUID(), service.learner(randomUUID())];
  await learner.record(course, stats(1, 2, 3));
  const totals = await learner.totals(course);
  passed.length = 0;
  assert.deepEqual(await learner.totals(course), totals);
  await learner.record(course, stats(1, 2, 3));
  assert.equal((await learner.totals(course))?.totalModulesStudied, 2);
  assert.deepEqual(passed.map((line) => line.slice(-3)), ["304", "201", "200"]);
  // Another learner has nothing, whatever is kept.
  assert.equal(await service.learner(randomUUID()).totals(course), undefined);
});

test("a 503, a cut connection and a lost answer are repeated", async () => {
  const [course, learner] = [randomUUID(), service.learner(randomUUID())];
  faults.push("503", "cut", "lost answer");
  assert.equal(await learner.record(course, stats(1, 2, 3)), "OK");
  assert.deepEqual(faults, []);
  // The record was sent twice, and counts once.
  assert.deepEqual((await service.summary(course))?.sessions, 1);
});

test("a service that stays away is an error after the attempts", async () => {
  const learner = service.learner(randomUUID());
  faults.push("503", "503", "503", "503", "503");
  await assert.rejects(learner.totals(randomUUID()), (error: unknown) => {
    assert(error instanceof StudyStatsError);
    assert.equal(error.status, 503);
    return true;
  });
  assert.deepEqual(faults, []);
});
