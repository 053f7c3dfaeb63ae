// What a payment system needs around the generated code: copy this file and change it.
//
// A `Screener` asks about one transfer and always comes back in time, with an answer or with what
// the bank decided beforehand for the case that there is none (`Table`).

import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PROTO = path.join(HERE, "../../../proto");

// Enum values are their names, fields keep the names of the proto, amounts are strings as they are.
const definition = loader.loadSync(["clearline/screening/v1/screening.proto", "details.proto"], {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  includeDirs: [PROTO, HERE],
});
export const api = grpc.loadPackageDefinition(definition).clearline.screening.v1;

// Safe to ask again, with the same request_id: it gets the first answer, if there is one. Every other
// code says that the same request will fare no better.
export const RETRIED = [
  grpc.status.UNAVAILABLE,
  grpc.status.RESOURCE_EXHAUSTED,
  grpc.status.DEADLINE_EXCEEDED,
];

// Pauses between tries: doubled from the first to the longest, each drawn from its upper half, so that
// a thousand callers do not come back in one moment.
const PAUSE_MS = 100;
const PAUSE_MS_MAX = 2_000;

// Calls under way at once. Below `limits.streams_max` of the server, so that a call waits here, where
// its deadline is known, and not in the channel.
const CALLS_MAX = 256;

const CHANNEL = {
  // The server asks every 20 s whether we are there. This asks whether it is: after at most 40 s a
  // connection that leads nowhere is given up. The server takes any pace of pings.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  // Left alone, a channel waits up to two minutes before it looks whether a server is back.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};

export const SEND = "SEND";
export const KEEP_FOR_PERSON = "KEEP_FOR_PERSON";

const ROWS = [
  "faster_payments_single",
  "faster_payments_scheduled",
  "chaps",
  "bacs",
  "internal",
  "international",
];

/** What the bank decided for each rail and amount; refuses to be incomplete. */
export class Table {
  constructor(file) {
    const stated = JSON.parse(fs.readFileSync(file, "utf8"));
    if (stated.decided_by.trim() === "") throw new Error(`${file}: nobody has decided this`);
    this.currency = stated.currency;
    this.rails = {};
    for (const row of ROWS) {
      const { deadline_ms, bands } = stated.rails[row];
      const from = bands.map((band) => exactly(band.from));
      if (!(1 <= deadline_ms && deadline_ms <= 10_000))
        throw new Error(`${file}: ${row}: a deadline is 1 to 10,000 ms`);
      if (from[0] !== 0n || from.some((each, at) => at > 0 && each <= from[at - 1]))
        throw new Error(`${file}: ${row}: bands begin at 0 and rise`);
      for (const { ask_again_s, then } of bands)
        if (![SEND, KEEP_FOR_PERSON].includes(then) || !(0 <= ask_again_s))
          throw new Error(`${file}: ${row}: SEND or KEEP_FOR_PERSON after 0 s or more`);
      this.rails[row] = { deadline_ms, bands };
    }
  }

  /** How long a transfer is asked about, and what becomes of it if nothing answers. */
  patience(row, money) {
    const { deadline_ms, bands } = this.rails[row];
    // What is not in the table's currency counts as the largest amount.
    const fits = (band) => money.currency_code !== this.currency || exactly(band.from) <= exactly(money.value);
    const { ask_again_s, then } = bands.findLast(fits);
    return { deadline_ms, ask_again_ms: ask_again_s * 1_000, then };
  }
}

/** Asks about transfers, over one connection that stays open. */
export class Screener {
  constructor(address, table, credentials = grpc.credentials.createInsecure(), calls_max = CALLS_MAX) {
    this.client = new api.ScreeningService(address, credentials, CHANNEL);
    this.table = table;
    this.places = new Places(calls_max);
  }

  /** Screens one transfer. Ends within its deadline and the time to ask again. */
  screen(request) {
    const patience = this.table.patience(row_of(request.transfer), request.transfer.amount);
    return this.ask("ScreenTransfer", request, patience);
  }

  /**
   * Screens a payment message, of which the caller knows the rail and the largest amount.
   *
   * While a transfer in it has an error that time may mend, the whole is repeated: those that have a
   * decision get the same one. What is left in the end has an error in its place.
   */
  screen_iso20022(request, row, largest) {
    return this.ask("ScreenIso20022", request, this.table.patience(row, largest), is_whole);
  }

  /** Reports what became of a payment. Idempotent, so keep what fails and repeat it. */
  report(request) {
    const patience = { deadline_ms: 5_000, ask_again_ms: 60_000, then: KEEP_FOR_PERSON };
    return this.ask("ReportExecution", request, patience);
  }

  /**
   * Gives `{ answer, tries }`, or where there is none `{ then, code, reason, unscreened, tries }`.
   */
  async ask(method, request, patience, enough = () => true) {
    const begin = Date.now();
    if (!(await this.places.take(patience.deadline_ms))) {
      // As many calls as we allow ourselves are under way: the server is slow or gone.
      const unscreened = "UNSCREENED_REASON_NO_ANSWER";
      return { then: patience.then, reason: "CLIENT_FULL", unscreened, tries: 0 };
    }
    try {
      return await this.ask_until(method, request, patience, begin, enough);
    } finally {
      this.places.give_back();
    }
  }

  async ask_until(method, request, patience, begin, enough) {
    const first_ends = begin + patience.deadline_ms;
    const ends = first_ends + patience.ask_again_ms;
    let pause = PAUSE_MS;
    for (let tries = 1; ; tries += 1) {
      // The payer waits for the first deadline; behind the table each try has a whole one.
      const now = Date.now();
      const deadline = now < first_ends ? first_ends : Math.min(ends, now + patience.deadline_ms);
      let answer;
      let failed = { code: grpc.status.OK, reason: "", wanted_ms: 0 };
      try {
        // The request is sent as it is each time: same request_id, same request_time.
        answer = await this.call(method, request, Math.max(deadline, now + 1));
        if (enough(answer)) return { answer, tries };
      } catch (error) {
        failed = { code: error.code, ...told(error) };
      }
      const wait = Math.max(pause * (0.5 + Math.random() / 2), failed.wanted_ms);
      pause = Math.min(pause * 2, PAUSE_MS_MAX);
      const settled = answer === undefined && !RETRIED.includes(failed.code);
      if (settled || ends <= Date.now() + wait) {
        if (answer !== undefined) return { answer, tries };
        const { code, reason } = failed;
        return { then: patience.then, code, reason, unscreened: unscreened(code), tries };
      }
      console.log(`  no answer yet: ${grpc.status[failed.code]} ${failed.reason}, try ${tries}`);
      await sleep(wait);
    }
  }

  call(method, request, deadline) {
    return new Promise((resolve, reject) => {
      this.client[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  close() {
    this.client.close();
  }
}

/** So many places; who finds none waits, and not longer than it says. */
class Places {
  constructor(free) {
    this.free = free;
    this.waiting = [];
  }

  take(ms) {
    if (0 < this.free) {
      this.free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(got), 1);
        resolve(false);
      }, ms);
      const got = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.waiting.push(got);
    });
  }

  give_back() {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

/** Names the table's row for a transfer. */
export function row_of(transfer) {
  const row = {
    RAIL_FASTER_PAYMENTS: "faster_payments_single",
    RAIL_CHAPS: "chaps",
    RAIL_BACS: "bacs",
    RAIL_INTERNAL: "internal",
    RAIL_INTERNATIONAL: "international",
  }[transfer.rail];
  if (row === undefined) throw new Error(`no row of the table is for ${transfer.rail}`);
  const scheduled = ["KIND_STANDING_ORDER", "KIND_FORWARD_DATED"].includes(transfer.instruction?.kind);
  return row === "faster_payments_single" && scheduled ? "faster_payments_scheduled" : row;
}

/** Returns an error's reason, its fields at fault, and how long the server asks to wait. */
export function told(error) {
  const found = { reason: "", domain: "", fields: [], wanted_ms: 0 };
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (bytes === undefined) return found;
  for (const { type_url, value } of decode("Status", bytes).details) {
    const kind = type_url.slice(type_url.lastIndexOf(".") + 1);
    if (kind === "ErrorInfo") Object.assign(found, decode(kind, value));
    if (kind === "BadRequest") found.fields = decode(kind, value).field_violations;
    if (kind === "RetryInfo") {
      const { seconds, nanos } = decode(kind, value).retry_delay;
      found.wanted_ms = Number(seconds) * 1_000 + nanos / 1_000_000;
    }
  }
  return found;
}

/** Makes the report of a payment that was sent without an answer. */
export function sent_unscreened(request, outcome, moment) {
  return {
    payment_id: request.payment_id,
    execution: "EXECUTION_SENT_UNSCREENED",
    execute_time: moment,
    unscreened_reason: outcome.unscreened,
    transfer: request.transfer,
  };
}

function unscreened(code) {
  if (code === grpc.status.UNAVAILABLE) return "UNSCREENED_REASON_UNREACHABLE";
  return RETRIED.includes(code) ? "UNSCREENED_REASON_NO_ANSWER" : "UNSCREENED_REASON_ERROR";
}

function is_whole(answer) {
  return !answer.answers.some((each) => each.error && RETRIED.includes(each.error.code));
}

function decode(kind, bytes) {
  return definition[`google.rpc.${kind}`].deserialize(bytes);
}

/** Reads an amount exactly: a comparison of money must not be one of floating-point numbers. */
function exactly(value) {
  const [, whole, part = ""] = /^(\d{1,18})(?:\.(\d{1,5}))?$/.exec(value) ?? [];
  if (whole === undefined) throw new Error(`\`${value}\` is no amount`);
  return BigInt(whole) * 100_000n + BigInt(part.padEnd(5, "0"));
}
