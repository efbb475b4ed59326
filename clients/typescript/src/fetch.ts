// Requests that survive a lost connection, an overloaded replica and a slow one, and reads that send no body twice.

/** Options of the requests. */
export interface FetchOptions {
  /** Replaces the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
  /** Maximum number of attempts of a request, the first included. Default: 5. */
  attempts?: number;
  /** Maximum time of an attempt, in milliseconds. Default: 10,000. */
  timeout?: number;
}

/** Maximum number of responses that are kept for conditional reads. */
const KEPT = 1000;
/** Wait before the second attempt after a lost connection, in milliseconds; doubled for each further attempt. */
const FIRST_WAIT = 100;

interface Kept {
  etag: string;
  body: string;
}

/**
 * Returns a `fetch` that repeats a request after a 503 and after a lost connection. Every write of study-stats is safe
 * to repeat.
 */
export function resilient(options: FetchOptions): (request: Request) => Promise<Response> {
  const { fetch = globalThis.fetch.bind(globalThis), attempts = 5, timeout = 10_000 } = options;
  return async (request) => {
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]);
      let wait = FIRST_WAIT * 2 ** (attempt - 1);
      try {
        const response = await fetch(new Request(request.clone(), { signal }));
        if (response.status !== 503 || attempt >= attempts) return response;
        await response.body?.cancel();
        wait = Number(response.headers.get("Retry-After") ?? 1) * 1000;
      } catch (error) {
        if (request.signal.aborted || attempt >= attempts) throw error;
      }
      // With jitter, so that many clients do not come back at once.
      await new Promise((resolve) => setTimeout(resolve, wait * (1 + Math.random())));
    }
  };
}

/**
 * Returns a `fetch` that keeps the responses of reads, and sends their ETags: while nothing has changed, the service
 * sends no body again.
 */
export function conditional(fetch: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  const kept = new Map<string, Kept>();
  return async (request) => {
    if (request.method !== "GET") return fetch(request);
    const key = `${request.headers.get("X-User-Id") ?? ""} ${request.url}`;
    const known = kept.get(key);
    if (known) request.headers.set("If-None-Match", known.etag);
    const response = await fetch(request);
    if (response.status === 304 && known) {
      return new Response(known.body, { status: 200, headers: response.headers });
    }
    kept.delete(key);
    const etag = response.headers.get("ETag");
    if (!response.ok || etag === null) return response;
    const body = await response.text();
    kept.set(key, { etag, body });
    // A map has its entries in the order of their insertion.
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    return new Response(body, { status: response.status, headers: response.headers });
  };
}
