"""What a payment system needs around the generated code: copy this file and change it.

A `Screener` asks about one transfer and always comes back in time, with an answer or with what the
bank decided beforehand for the case that there is none (`Table`).
"""

import dataclasses
import decimal
import json
import logging
import pathlib
import random
import sys
import threading
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

sys.path.insert(0, str(pathlib.Path(__file__).parent / "generated"))
try:
    from clearline.screening.v1 import screening_pb2 as pb
    from clearline.screening.v1 import screening_pb2_grpc as api
except ImportError:
    sys.exit("the generated code is missing: README.md says how to make it")

# Safe to ask again, with the same request_id: it gets the first answer, if there is one. Every other
# code says that the same request will fare no better.
RETRIED = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)

# Pauses between tries: doubled from the first to the longest, each drawn from its upper half, so that
# a thousand callers do not come back in one moment.
PAUSE_S = 0.1
PAUSE_MAX_S = 2.0

# Calls under way at once. Below `limits.streams_max` of the server, so that a call waits here, where
# its deadline is known, and not in the channel.
CALLS_MAX = 256

CHANNEL = [
    # The server asks every 20 s whether we are there. This asks whether it is: after at most 40 s a
    # connection that leads nowhere is given up. The server takes any pace of pings.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Left alone, a channel waits up to two minutes before it looks whether a server is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]

SEND = "SEND"
KEEP_FOR_PERSON = "KEEP_FOR_PERSON"

ROWS = (
    "faster_payments_single",
    "faster_payments_scheduled",
    "chaps",
    "bacs",
    "internal",
    "international",
)

log = logging.getLogger("screening")


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long one transfer is asked about, and what becomes of it if nothing answers."""

    deadline_s: float
    ask_again_s: float
    then: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What asking came to: `answer`, or, where that is None, `then`."""

    answer: object = None
    then: str = ""
    # Why there is no answer: the last status code and reason, and the reason to report.
    code: grpc.StatusCode | None = None
    reason: str = ""
    unscreened: int = pb.ReportExecutionRequest.UNSCREENED_REASON_UNSPECIFIED
    tries: int = 0


class Table:
    """What the bank decided for each rail and amount; refuses to be incomplete."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            stated = json.load(file)
        if not stated["decided_by"].strip():
            raise ValueError(f"{path}: nobody has decided this")
        self.currency = stated["currency"]
        self.rails = {}
        for row in ROWS:
            rail = stated["rails"][row]
            bands = [
                (decimal.Decimal(band["from"]), band["ask_again_s"], band["then"])
                for band in rail["bands"]
            ]
            if not 1 <= rail["deadline_ms"] <= 10_000:
                raise ValueError(f"{path}: {row}: a deadline is 1 to 10,000 ms")
            if not bands or bands[0][0] != 0 or bands != sorted(bands, key=lambda band: band[0]):
                raise ValueError(f"{path}: {row}: bands begin at 0 and rise")
            if any(then not in (SEND, KEEP_FOR_PERSON) or again < 0 for _, again, then in bands):
                raise ValueError(f"{path}: {row}: SEND or KEEP_FOR_PERSON after 0 s or more")
            self.rails[row] = (rail["deadline_ms"] / 1000, bands)

    def patience(self, row, money):
        deadline_s, bands = self.rails[row]
        # What is not in the table's currency counts as the largest amount.
        fitting = bands[-1]
        if money.currency_code == self.currency:
            amount = decimal.Decimal(money.value)
            fitting = next((band for band in reversed(bands) if band[0] <= amount), bands[-1])
        return Patience(deadline_s, fitting[1], fitting[2])


class Screener:
    """Asks about transfers, over one connection that stays open; safe to share among threads."""

    def __init__(self, address, table, credentials=None, calls_max=CALLS_MAX):
        if credentials is None:
            self.channel = grpc.insecure_channel(address, options=CHANNEL)
        else:
            self.channel = grpc.secure_channel(address, credentials, options=CHANNEL)
        self.stub = api.ScreeningServiceStub(self.channel)
        self.table = table
        self.places = threading.BoundedSemaphore(calls_max)

    def screen(self, request):
        """Screens one transfer. Returns within its deadline and the time to ask again."""
        transfer = request.transfer
        patience = self.table.patience(row_of(transfer), transfer.amount)
        return self.ask(self.stub.ScreenTransfer, request, patience)

    def screen_iso20022(self, request, row, largest):
        """Screens a payment message, of which the caller knows the rail and the largest amount.

        While a transfer in it has an error that time may mend, the whole is repeated: those that
        have a decision get the same one. What is left in the end has an error in its place.
        """
        patience = self.table.patience(row, largest)
        return self.ask(self.stub.ScreenIso20022, request, patience, is_whole)

    def report(self, request, deadline_s=5, ask_again_s=60):
        """Reports what became of a payment. Idempotent, so keep what fails and repeat it."""
        patience = Patience(deadline_s, ask_again_s, KEEP_FOR_PERSON)
        return self.ask(self.stub.ReportExecution, request, patience)

    def ask(self, method, request, patience, enough=lambda answer: True):
        begin = time.monotonic()
        if not self.places.acquire(timeout=patience.deadline_s):
            # As many calls as we allow ourselves are under way: the server is slow or gone.
            reason = pb.ReportExecutionRequest.UNSCREENED_REASON_NO_ANSWER
            return Outcome(then=patience.then, reason="CLIENT_FULL", unscreened=reason)
        try:
            return self.ask_until(method, request, patience, begin, enough)
        finally:
            self.places.release()

    def ask_until(self, method, request, patience, begin, enough):
        first_ends = begin + patience.deadline_s
        ends = first_ends + patience.ask_again_s
        pause, tries = PAUSE_S, 0
        while True:
            # The payer waits for the first deadline; behind the table each try has a whole one.
            now = time.monotonic()
            limit = first_ends if now < first_ends else min(ends, now + patience.deadline_s)
            tries += 1
            try:
                # The request is sent as it is each time: same request_id, same request_time.
                answer = method(request, timeout=max(limit - now, 0.001))
                code, reason, wanted_s = grpc.StatusCode.OK, "", 0
                if enough(answer):
                    return Outcome(answer=answer, tries=tries)
            except grpc.RpcError as error:
                answer, code, (reason, wanted_s) = None, error.code(), told(error)
            wait = max(pause * random.uniform(0.5, 1), wanted_s)
            pause = min(pause * 2, PAUSE_MAX_S)
            settled = answer is None and code not in RETRIED
            if settled or ends <= time.monotonic() + wait:
                then = patience.then if answer is None else ""
                return Outcome(answer, then, code, reason, unscreened(code), tries)
            log.info("no answer yet: %s %s, try %d", code.name, reason, tries)
            time.sleep(wait)


def row_of(transfer):
    """Names the table's row for a transfer."""
    scheduled = (pb.Instruction.KIND_STANDING_ORDER, pb.Instruction.KIND_FORWARD_DATED)
    rails = {
        pb.Transfer.RAIL_FASTER_PAYMENTS: "faster_payments_single",
        pb.Transfer.RAIL_CHAPS: "chaps",
        pb.Transfer.RAIL_BACS: "bacs",
        pb.Transfer.RAIL_INTERNAL: "internal",
        pb.Transfer.RAIL_INTERNATIONAL: "international",
    }
    row = rails[transfer.rail]
    if row == "faster_payments_single" and transfer.instruction.kind in scheduled:
        return "faster_payments_scheduled"
    return row


def is_whole(answer):
    """Tells whether no transfer of a message has an error that another try may mend."""
    again = [code.value[0] for code in RETRIED]
    return not any(each.error.code in again for each in answer.answers)


def told(error):
    """Returns the reason of an error and how many seconds the server asks to wait."""
    reason, wanted_s = "", 0.0
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if packed.Unpack(info):
            reason = info.reason
        elif packed.Unpack(retry):
            wanted_s = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, wanted_s


def unscreened(code):
    kinds = pb.ReportExecutionRequest
    if code == grpc.StatusCode.OK:
        return kinds.UNSCREENED_REASON_UNSPECIFIED
    if code == grpc.StatusCode.UNAVAILABLE:
        return kinds.UNSCREENED_REASON_UNREACHABLE
    if code in RETRIED:
        return kinds.UNSCREENED_REASON_NO_ANSWER
    return kinds.UNSCREENED_REASON_ERROR


def sent_unscreened(request, outcome, moment):
    """Makes the report of a payment that was sent without an answer."""
    return pb.ReportExecutionRequest(
        payment_id=request.payment_id,
        execution=pb.ReportExecutionRequest.EXECUTION_SENT_UNSCREENED,
        execute_time=moment,
        unscreened_reason=outcome.unscreened,
        transfer=request.transfer,
    )
