// Clients with Node's own agent of persistent connections, while the service drains: no request may lose its
// connection. Without a balancer that retries, a reset is an error of the caller.
//
// Arguments: the service's URL, the service's process id.

import http from "node:http";

const [url, pid] = process.argv.slice(2);
const CLIENTS = 40;
const PAUSE = 10;
const agent = new http.Agent({ keepAlive: true });
let [answered, closing] = [0, 0];

/** Sends a request; resolves to the code of the error, or to undefined. */
function request() {
    return new Promise((resolve) => {
        const sent = http.get(`${url}/health/live`, { agent }, (response) => {
            answered += 1;
            closing += response.headers.connection === "close";
            response.resume().on("end", resolve).on("error", (error) => resolve(error.code));
        });
        sent.on("error", (error) => resolve(error.code));
    });
}

/** Sends requests until the service refuses new connections; returns all other errors. */
async function client() {
    const errors = [];
    for (;;) {
        const error = await request();
        if (error === "ECONNREFUSED") return errors;
        if (error) errors.push(error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
}

const clients = Array.from({ length: CLIENTS }, client);
setTimeout(() => process.kill(Number(pid), "SIGTERM"), 500);
const errors = (await Promise.all(clients)).flat();
if (errors.length > 0 || answered < CLIENTS || closing < CLIENTS) {
    console.error(`${errors.length} errors (${[...new Set(errors)]}), ${answered} answers, ${closing} with close`);
    process.exit(1);
}
console.log(`keep-alive: ${answered} answers, ${closing} of them close their connection, no error`);
