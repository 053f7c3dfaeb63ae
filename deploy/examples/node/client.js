// Talks to Clearline as a bank's payment system would, and checks what it promises.
//
//     node client.js [ADDRESS] [--table FILE] [--ca FILE] [--cert FILE --key FILE] [--only outage|patient]

import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { isDeepStrictEqual, parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";

import { expect, heading } from "./checking.js";
import { KEEP_FOR_PERSON, SEND, Screener, Table, sent_unscreened, told } from "./screening.js";
import { go_through } from "./trouble.js";

const EXAMPLES = new URL("../", import.meta.url);

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    table: { type: "string", default: new URL("fallback.json", EXAMPLES).pathname },
    ca: { type: "string" },
    cert: { type: "string" },
    key: { type: "string" },
    only: { type: "string" },
  },
});

const table = new Table(given.table);
const screener = new Screener(positionals[0] ?? "127.0.0.1:50051", table, credentials());
if (given.only === "outage") await outage();
else if (given.only === "patient") await patient();
else {
  await screen();
  await screen_message();
  await run_into_errors();
  await stream();
  await go_through(screener, table, rent(0).transfer);
}
screener.close();
console.log("\nEverything was as the API promises.");

function credentials() {
  if (given.ca === undefined) return undefined;
  const read = (file) => (file === undefined ? null : fs.readFileSync(file));
  return grpc.credentials.createSsl(read(given.ca), read(given.key), read(given.cert));
}

async function screen() {
  heading("A transfer that somebody was talked into");
  const request = tonbridge_road();
  const first = answered(await screener.screen(request));
  console.log(`  ${first.action}, ${first.hold_kind}`);
  console.log(`  ${first.decision}, entry ${first.receipt.index} of ${first.receipt.origin}`);
  console.log(`  The payer is shown: ${first.warning.title}`);
  console.log(`    [ ${first.warning.safe_action} ]`);
  expect(first.action === "ACTION_HOLD", "it may leave");
  expect(first.warning.title !== "", "there is no warning to show");
  expect(first.receipt.leaf_hash.length === 32, "there is no receipt");

  heading("The same request again, as after a broken connection");
  const again = answered(await screener.screen(request));
  expect(isDeepStrictEqual(again, first), "a retry got another answer");
}

async function screen_message() {
  heading("The same as an ISO 20022 message");
  const known = tonbridge_road();
  const { rail, channel, confirm_time, payer, payee } = known.transfer;
  known.transfer = {
    rail,
    channel,
    confirm_time,
    payer: { customer_key: payer.customer_key, available_balance: payer.available_balance },
    payee: { add_time: payee.add_time, times_paid: payee.times_paid },
  };
  const message = fs.readFileSync(new URL("tonbridge-road.pain.001.xml", EXAMPLES));
  const ask = () => screener.screen_iso20022({ message, known }, "faster_payments_single", pounds("3200.00"));
  const first = answered(await ask());
  for (const { path, response } of first.answers) console.log(`  ${path}: ${response.action}`);
  expect(first.answers.length === 1, "the message has one transfer");
  expect(first.answers[0].response.action === "ACTION_HOLD", "it may leave");
  expect(isDeepStrictEqual(answered(await ask()), first), "a retry got another answer");
}

async function run_into_errors() {
  heading("Another amount under a request_id that was used");
  const request = tonbridge_road();
  answered(await screener.screen(request));
  request.transfer.amount.value = "3.00";
  let { code, reason, domain } = await refused(request);
  expect(code === grpc.status.ALREADY_EXISTS, "it was not refused as a second transfer");
  expect(reason === "REQUEST_ID_REUSED" && domain === "screening.clearline", "another reason");

  heading("Three fields that cannot be read, named at once");
  const faulty = tonbridge_road();
  faulty.transfer.amount = { currency_code: "QQQ", value: "12,50" };
  faulty.transfer.payer.customer_key = "";
  let fields;
  ({ code, fields } = await refused(faulty));
  expect(code === grpc.status.INVALID_ARGUMENT, "it was not refused as malformed");
  expect(fields.length === 3, `not three fields but ${fields.length}`);

  heading("A fact that cannot be read: dropped, listed, and decided without");
  const dropped = tonbridge_road();
  dropped.transfer.end_to_end_id = "x".repeat(36);
  const facts = answered(await screener.screen(dropped)).rejected_facts.map(({ field }) => field);
  expect(isDeepStrictEqual(facts, ["transfer.end_to_end_id"]), `listed: ${facts}`);
}

async function stream() {
  heading("A stream of 200 transfers; answers come in any order");
  const owed = new Set();
  const call = screener.client.ScreenTransfers({ deadline: Date.now() + 30_000 });
  const ended = new Promise((resolve, reject) => call.on("end", resolve).on("error", reject));
  let count = 0;
  call.on("data", ({ request_id, response, error }) => {
    expect(owed.delete(request_id), "an answer to nobody's question, or a second one");
    expect(response, `no decision: ${error?.reason}`);
    count += 1;
  });
  for (let number = 0; number < 200; number += 1) {
    const request = rent(number);
    owed.add(request.request_id);
    // A full stream asks to wait until the server has read on.
    if (!call.write({ request, timeout: { seconds: 5 } })) await new Promise((go) => call.once("drain", go));
  }
  call.end();
  await ended;
  expect(count === 200 && owed.size === 0, "some questions got no answer");
  console.log(`  ${count} answers`);
}

// Nobody answers: the table's row and band say what becomes of each payment.
async function outage() {
  heading("An outage: small payments are sent, large ones wait for a person");
  for (const [value, then] of [["20.00", SEND], ["3200.00", KEEP_FOR_PERSON]]) {
    const request = tonbridge_road();
    request.transfer.amount.value = value;
    const outcome = await screener.screen(request);
    console.log(`  £${value}: ${outcome.then}, after ${outcome.tries} tries: ${grpc.status[outcome.code]}`);
    expect(outcome.answer === undefined, "somebody answered");
    expect(outcome.then === then, "not what the table says");
    const report = sent_unscreened(request, outcome, moment());
    expect(report.unscreened_reason === "UNSCREENED_REASON_UNREACHABLE", "another reason");
  }
}

// A CHAPS payment waits for minutes: it is asked about until the server is back.
async function patient() {
  heading("An outage that a CHAPS payment waits out");
  const request = rent(1);
  request.transfer.rail = "RAIL_CHAPS";
  const outcome = await screener.screen(request);
  expect(outcome.answer !== undefined, "no answer within the table's time");
  expect(1 < outcome.tries, "it was answered at once");
  console.log(`  ${outcome.answer.action} after ${outcome.tries} tries`);
}

function answered(outcome) {
  expect(outcome.answer !== undefined, `no answer: ${grpc.status[outcome.code]} ${outcome.reason}`);
  return outcome.answer;
}

async function refused(request) {
  try {
    await screener.call("ScreenTransfer", request, Date.now() + 5_000);
  } catch (error) {
    const found = { code: error.code, ...told(error) };
    console.log(`  ${grpc.status[error.code]}, ${found.reason}: ${error.details}`);
    for (const { field, description } of found.fields) console.log(`    ${field}: ${description}`);
    return found;
  }
  return expect(false, "it was not refused");
}

// A payer is told of a warrant, and to pay for legal advice; a cheque is promised.
function tonbridge_road() {
  return {
    request_id: randomUUID(),
    payment_id: `node-${randomUUID()}`,
    stage: "STAGE_BEFORE_CONFIRMATION",
    can_ask: true,
    transfer: {
      rail: "RAIL_FASTER_PAYMENTS",
      channel: "CHANNEL_MOBILE_APP",
      amount: pounds("3200.00"),
      confirm_time: moment(),
      payer: {
        customer_key: "node-1",
        account: { sort_code: "601613", account_number: "31926819" },
        available_balance: pounds("3450.00"),
      },
      payee: {
        account: { sort_code: "204514", account_number: "10765543" },
        name: "J Harris",
        add_time: moment(6),
        times_paid: 0,
      },
      texts: { reference: "LEGAL ADVICE", remittance: "legal advice, will be refunded by cheque tomorrow" },
    },
  };
}

// Rent, to a payee of two years.
function rent(number) {
  const years = 2 * 365 * 24 * 60;
  return {
    request_id: randomUUID(),
    payment_id: `node-${randomUUID()}`,
    stage: "STAGE_AT_SUBMISSION",
    transfer: {
      rail: "RAIL_FASTER_PAYMENTS",
      amount: pounds("850.00"),
      confirm_time: moment(),
      payer: {
        customer_key: `node-${number}`,
        account: { sort_code: "601613", account_number: String(40_000_000 + number) },
      },
      payee: {
        account: { iban: "GB02 NWBK 6016 1331 9268 20" },
        add_time: moment(years),
        first_pay_time: moment(years),
        times_paid: 24,
      },
      texts: { reference: "RENT" },
    },
  };
}

function pounds(value) {
  return { currency_code: "GBP", value };
}

function moment(minutes_ago = 0) {
  const ms = Date.now() - minutes_ago * 60_000;
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
}
