// Client of study-stats, on types that are generated from the OpenAPI document.

import createClient, { type Client } from "openapi-fetch";
import { conditional, resilient, type FetchOptions } from "./fetch.js";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

export type { FetchOptions };
export type Session = Schemas["Session"];
export type SessionRecord = Schemas["SessionRecord"];
export type BatchRecord = Schemas["BatchRecord"];
export type RecordResult = Schemas["RecordResult"];
export type Totals = Schemas["Totals"];
export type Summary = Schemas["Summary"];
export type Activity = Schemas["Activity"];
export type ListedSession = Schemas["ListedSession"];
export type ListedCourse = Schemas["ListedCourse"];
export type ListedLearner = Schemas["ListedLearner"];
export type FieldError = Schemas["FieldError"];

/** Maximum number of records of a batch. */
const BATCH = 1000;
/** Number of items of a page. */
const PAGE = 500;

/** Error response of the service. */
export class StudyStatsError extends Error {
  override readonly name = "StudyStatsError";

  constructor(
    /** HTTP status. */
    readonly status: number,
    /** Code for programs, of the table in the OpenAPI document; empty if the response is not of study-stats. */
    readonly code: string,
    message: string,
    /** Missing or wrong fields. */
    readonly fields: readonly FieldError[],
    /** Id of the request in the service's log. */
    readonly requestId: string | undefined,
  ) {
    super(message);
  }
}

/** Result of openapi-fetch. */
interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Options of a client. */
export interface Options extends FetchOptions {
  /** Headers of every request, for example of a gateway. */
  headers?: Record<string, string>;
}

/** Days of an activity: calendar days such as `2026-01-15`. */
export interface Days {
  /** First day. */
  from?: string;
  /** Last day: the learner's own today. */
  to?: string;
}

/** Times of a list of sessions, in RFC 3339. */
export interface Span {
  /** Inclusive. */
  from?: string;
  /** Exclusive. */
  to?: string;
}

/** The service. */
export class StudyStats {
  readonly #client: Client<paths>;

  /** Client of the service at `baseUrl`, for example `http://localhost:8080`. */
  constructor(baseUrl: string, options: Options = {}) {
    const { headers = {} } = options;
    this.#client = createClient<paths>({ baseUrl, headers, fetch: conditional(resilient(options)) });
  }

  /** Operations on behalf of a learner. */
  learner(id: string): Learner {
    return new Learner(this.#client, id);
  }

  /** Records of any learners and courses. Returns a result for each, in their order. */
  async recordAll(records: Iterable<BatchRecord> | AsyncIterable<BatchRecord>): Promise<RecordResult[]> {
    const results: RecordResult[] = [];
    let sessions: BatchRecord[] = [];
    const send = async () => {
      results.push(...unwrap(await this.#client.POST("/sessions", { body: { sessions } })).results);
      sessions = [];
    };
    for await (const record of records) {
      sessions.push(record);
      if (sessions.length === BATCH) await send();
    }
    if (sessions.length > 0) await send();
    return results;
  }

  /** Aggregate of all learners in a course; `undefined` without sessions. */
  async summary(courseId: string): Promise<Summary | undefined> {
    return found(await this.#client.GET("/courses/{courseId}/summary", { params: { path: { courseId } } }));
  }

  /** Learners of a course. */
  async *roster(courseId: string): AsyncGenerator<ListedLearner> {
    const path = { courseId };
    const pages = paged((query) => this.#client.GET("/courses/{courseId}/learners", { params: { path, query } }));
    for await (const page of pages) yield* page.learners;
  }
}

/** Operations on behalf of a learner. */
export class Learner {
  readonly #client: Client<paths>;
  readonly #header: { "X-User-Id": string };

  /** Use {@link StudyStats.learner}. */
  constructor(client: Client<paths>, id: string) {
    this.#client = client;
    this.#header = { "X-User-Id": id };
  }

  /** Records a session, or replaces its stats. `superseded`: a newer version is stored, nothing was changed. */
  async record(courseId: string, body: SessionRecord): Promise<"OK" | "superseded"> {
    const params = { path: { courseId }, header: this.#header };
    return unwrap(await this.#client.POST("/courses/{courseId}", { params, body })).message;
  }

  /** Totals in a course; `undefined` without sessions. */
  async totals(courseId: string): Promise<Totals | undefined> {
    const params = { path: { courseId }, header: this.#header };
    return found(await this.#client.GET("/courses/{courseId}", { params }));
  }

  /** A session; `undefined` if it is not stored. */
  async session(courseId: string, sessionId: string): Promise<Session | undefined> {
    const params = { path: { courseId, sessionId }, header: this.#header };
    return found(await this.#client.GET("/courses/{courseId}/sessions/{sessionId}", { params }));
  }

  /** Totals by day and streaks, in a course or, without `courseId`, in all courses. */
  async activity(query: Days = {}, courseId?: string): Promise<Activity> {
    const header = this.#header;
    if (courseId === undefined) return unwrap(await this.#client.GET("/activity", { params: { query, header } }));
    const params = { path: { courseId }, query, header };
    return unwrap(await this.#client.GET("/courses/{courseId}/activity", { params }));
  }

  /** Courses with totals, the latest first. */
  async *courses(): AsyncGenerator<ListedCourse> {
    const header = this.#header;
    const pages = paged((query) => this.#client.GET("/courses", { params: { query, header } }));
    for await (const page of pages) yield* page.courses;
  }

  /** Sessions in a course, the newest first. */
  async *sessions(courseId: string, span: Span = {}): AsyncGenerator<ListedSession> {
    const [path, header] = [{ courseId }, this.#header];
    const pages = paged((page) =>
      this.#client.GET("/courses/{courseId}/sessions", { params: { path, query: { ...span, ...page }, header } }),
    );
    for await (const page of pages) yield* page.sessions;
  }

  /** Deletes a session. Returns false if it was not stored: after a repeated request, the delete is done. */
  async deleteSession(courseId: string, sessionId: string): Promise<boolean> {
    const params = { path: { courseId, sessionId }, header: this.#header };
    return deleted(await this.#client.DELETE("/courses/{courseId}/sessions/{sessionId}", { params }));
  }

  /** Deletes all sessions in a course. Returns false if there were none. */
  async deleteCourse(courseId: string): Promise<boolean> {
    const params = { path: { courseId }, header: this.#header };
    return deleted(await this.#client.DELETE("/courses/{courseId}", { params }));
  }

  /** Erases the learner everywhere; records of earlier sessions are refused for thirty days. */
  async erase(): Promise<void> {
    unwrap(await this.#client.DELETE("/learner", { params: { header: this.#header } }));
  }
}

/** Returns the data of a response, and throws its error. */
function unwrap<T>({ data, error, response }: Result<T>): T {
  if (response.ok) return data as T;
  // A proxy on the way may answer with another body.
  const body = (typeof error === "object" && error !== null ? error : {}) as Partial<Schemas["ApiError"]>;
  const message = body.message ?? `HTTP ${String(response.status)}`;
  const requestId = body.requestId ?? response.headers.get("X-Request-Id") ?? undefined;
  throw new StudyStatsError(response.status, body.code ?? "", message, body.errors ?? [], requestId);
}

/** Returns the data of a response; `undefined` where nothing is stored. */
function found<T>(result: Result<T>): T | undefined {
  return isMissing(result) ? undefined : unwrap(result);
}

function deleted(result: Result<unknown>): boolean {
  if (isMissing(result)) return false;
  unwrap(result);
  return true;
}

function isMissing({ error, response }: Result<unknown>): boolean {
  return response.status === 404 && (error as Partial<Schemas["ApiError"]>).code === "no_stats_found";
}

/** Pages of a list, by their cursors. */
async function* paged<T extends { nextCursor?: string }>(
  get: (query: { limit: number; cursor?: string }) => Promise<Result<T>>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page: T = unwrap(await get({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }));
    yield page;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
