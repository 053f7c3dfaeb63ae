// What can go wrong on the way to a decision, made to happen by a server that stands in between.

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

import { expect, heading } from "./checking.js";
import { KEEP_FOR_PERSON, SEND, Screener, api, sent_unscreened } from "./screening.js";

const { UNAVAILABLE, RESOURCE_EXHAUSTED, ...OTHERS } = grpc.status;
const METHOD = api.ScreeningService.service.ScreenTransfer;
const DETAILS = loader.loadSync(new URL("details.proto", import.meta.url).pathname, { keepCase: true });

/** Goes through every trouble; `real` reaches the server, `transfer` is an ordinary one. */
export async function go_through(real, table, transfer) {
  const ask = async (plan, request, calls_max) => {
    const middle = await Middle.start(real, plan);
    const screener = new Screener(middle.address, table, undefined, calls_max);
    const begin = Date.now();
    const outcome = await screener.screen(request);
    const took = Date.now() - begin;
    screener.close();
    middle.stop();
    return { outcome, took, middle };
  };

  heading("Refused twice with UNAVAILABLE: the same request is sent each time");
  {
    const { outcome, middle } = await ask(Array(2).fill(refuse(UNAVAILABLE, "STOPPING")), look(transfer));
    expect(outcome.answer && outcome.tries === 3, `not the third try: ${JSON.stringify(outcome)}`);
    const [first, ...others] = middle.seen;
    expect(others.length === 2 && others.every((other) => first.equals(other)), "the tries differ");
  }

  heading("Decided, and the answer lost: the retry gets that decision");
  {
    const { outcome, middle } = await ask([lose], look(transfer));
    expect(outcome.tries === 2, "not the second try");
    expect(isDeepStrictEqual(outcome.answer, middle.lost), "it was decided twice");
    console.log(`  ${outcome.answer.decision}`);
  }

  heading("A full queue asks to wait 300 ms: no earlier try");
  {
    const { outcome, took } = await ask([refuse(RESOURCE_EXHAUSTED, "QUEUE_FULL", 300)], look(transfer));
    console.log(`  waited ${took} ms`);
    expect(outcome.answer && outcome.tries === 2, "not the second try");
    expect(300 <= took, "it did not wait");
  }

  heading("Faults that time does not mend: one try, and the table");
  for (const name of [
    "INVALID_ARGUMENT",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "UNIMPLEMENTED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
  ]) {
    const { outcome, middle } = await ask([refuse(OTHERS[name], "TRYING_IT")], look(transfer));
    expect(outcome.tries === 1 && outcome.then === SEND, `${name}: ${JSON.stringify(outcome)}`);
    expect(outcome.code === OTHERS[name] && outcome.reason === "TRYING_IT", `${name}: another error`);
    expect(middle.seen.length === 1, `${name}: sent ${middle.seen.length} times`);
    console.log(`  ${name}: ${outcome.then}`);
  }

  heading("A server that is there and silent: the table in time");
  for (const [value, then] of [["20.00", SEND], ["999.99", SEND], ["1000.00", KEEP_FOR_PERSON]]) {
    const request = look(transfer, value);
    const { deadline_ms, ask_again_ms } = table.patience("faster_payments_single", request.transfer.amount);
    const { outcome, took } = await ask(Array(9).fill(silent), request);
    console.log(`  £${value}: ${outcome.then} after ${took} ms and ${outcome.tries} tries`);
    expect(outcome.answer === undefined && outcome.then === then, "not what the table says");
    expect(took < deadline_ms + ask_again_ms + 500, "too late");
  }

  heading("What was sent unseen is reported");
  {
    const request = look(transfer);
    const { outcome } = await ask([refuse(OTHERS.INTERNAL, "DECIDING_FAILED")], request);
    const report = sent_unscreened(request, outcome, { seconds: Math.floor(Date.now() / 1_000) });
    const first = await real.report(report);
    expect(first.answer, `the report was refused: ${JSON.stringify(first)}`);
    const again = await real.report(report);
    expect(isDeepStrictEqual(again.answer.receipt, first.answer.receipt), "recorded twice");
    console.log(`  entry ${first.answer.receipt.index}`);
  }

  heading("One call allowed, and it hangs: the next one is not sent");
  {
    const middle = await Middle.start(real, Array(9).fill(silent));
    const screener = new Screener(middle.address, table, undefined, 1);
    const first = screener.screen(look(transfer, "1000.00"));
    const second = await screener.screen(look(transfer));
    expect(second.reason === "CLIENT_FULL" && second.then === SEND, JSON.stringify(second));
    expect(second.tries === 0, "it was sent");
    await first;
    const ids = middle.seen.map((bytes) => METHOD.requestDeserialize(bytes).request_id);
    expect(new Set(ids).size === 1, "the second call was sent");
    screener.close();
    middle.stop();
  }
}

/** Serves as planned, call by call, and passes on what nothing is planned for. */
class Middle {
  static async start(real, plan) {
    const middle = new Middle();
    Object.assign(middle, { real, plan: [...plan], seen: [], lost: undefined, server: new grpc.Server() });
    const raw = (bytes) => bytes;
    const method = { ...METHOD, requestDeserialize: raw, responseSerialize: raw };
    middle.server.addService({ ScreenTransfer: method }, { ScreenTransfer: (call, reply) => middle.serve(call, reply) });
    const insecure = grpc.ServerCredentials.createInsecure();
    const port = await new Promise((resolve, reject) =>
      middle.server.bindAsync("127.0.0.1:0", insecure, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    middle.address = `127.0.0.1:${port}`;
    return middle;
  }

  serve(call, reply) {
    this.seen.push(call.request);
    const step = this.plan.shift();
    if (step) step(this, call, reply);
    else this.pass(call).then((answer) => reply(null, METHOD.responseSerialize(answer)), reply);
  }

  pass(call) {
    return this.real.call("ScreenTransfer", METHOD.requestDeserialize(call.request), Date.now() + 5_000);
  }

  stop() {
    this.server.forceShutdown();
  }
}

// Plans an error with details as Clearline gives them.
function refuse(code, reason, wait_ms) {
  const details = [packed("ErrorInfo", { reason, domain: "screening.clearline" })];
  if (wait_ms !== undefined)
    details.push(packed("RetryInfo", { retry_delay: { nanos: wait_ms * 1_000_000 } }));
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", encode("Status", { code, message: "as planned", details }));
  return (_, __, reply) => reply({ code, details: "as planned", metadata });
}

// Has it decided, and breaks off before the answer.
function lose(middle, call, reply) {
  middle.pass(call).then((answer) => {
    middle.lost = answer;
    reply({ code: UNAVAILABLE, details: "the connection broke" });
  }, reply);
}

// Answers nothing until the caller has given up.
function silent(_, call, reply) {
  call.on("cancelled", () => reply({ code: OTHERS.CANCELLED, details: "given up" }));
}

function look(transfer, value = "20.00") {
  return {
    request_id: randomUUID(),
    payment_id: `node-${randomUUID()}`,
    stage: "STAGE_AT_SUBMISSION",
    transfer: { ...transfer, amount: { currency_code: "GBP", value } },
  };
}

function packed(kind, message) {
  return { type_url: `type.googleapis.com/google.rpc.${kind}`, value: encode(kind, message) };
}

function encode(kind, message) {
  return DETAILS[`google.rpc.${kind}`].serialize(message);
}
