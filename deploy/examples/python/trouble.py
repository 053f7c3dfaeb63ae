"""What can go wrong on the way to a decision, made to happen by a server that stands in between."""

import collections
import concurrent.futures
import contextlib
import threading
import time
import uuid

import grpc
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from checking import expect, heading
from screening import KEEP_FOR_PERSON, SEND, Screener, pb, sent_unscreened

METHOD = "/clearline.screening.v1.ScreeningService/ScreenTransfer"


def go_through(real, table, transfer):
    """Goes through every trouble; `real` reaches the server, `transfer` is an ordinary one."""
    transfer = small(transfer)
    heading("Refused twice with UNAVAILABLE: the same request is sent each time")
    with between(real, [refuse(grpc.StatusCode.UNAVAILABLE, "STOPPING")] * 2) as (middle, address):
        outcome = Screener(address, table).screen(look(transfer))
        expect(outcome.answer is not None and outcome.tries == 3, f"not the third try: {outcome}")
        expect(len(set(middle.seen)) == 1 and len(middle.seen) == 3, "the tries differ")

    heading("Decided, and the answer lost: the retry gets that decision")
    with between(real, [lose]) as (middle, address):
        outcome = Screener(address, table).screen(look(transfer))
        expect(outcome.tries == 2, "not the second try")
        expect(outcome.answer == middle.lost[0], "it was decided twice")
        print(f"  {outcome.answer.decision}")

    heading("A full queue asks to wait 300 ms: no earlier try")
    with between(real, [refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", 300)]) as (_, address):
        begin = time.monotonic()
        outcome = Screener(address, table).screen(look(transfer))
        waited = time.monotonic() - begin
        print(f"  waited {waited:.2f} s")
        expect(outcome.tries == 2 and outcome.answer is not None, "not the second try")
        expect(0.3 <= waited, "it did not wait")

    heading("Faults that time does not mend: one try, and the table")
    for code in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    ):
        with between(real, [refuse(code, "TRYING_IT")]) as (middle, address):
            outcome = Screener(address, table).screen(look(transfer))
            expect(outcome.tries == 1 and outcome.then == SEND, f"{code}: {outcome}")
            expect(outcome.reason == "TRYING_IT", f"{code}: {outcome}")
            expect(len(middle.seen) == 1, f"{code}: sent {len(middle.seen)} times")
            print(f"  {code.name}: {outcome.then}")

    heading("A server that is there and silent: the table in time")
    for value, then in (("20.00", SEND), ("999.99", SEND), ("1000.00", KEEP_FOR_PERSON)):
        with between(real, [silent] * 9) as (_, address):
            request = look(transfer, value)
            patience = table.patience("faster_payments_single", request.transfer.amount)
            begin = time.monotonic()
            outcome = Screener(address, table).screen(request)
            took = time.monotonic() - begin
            print(f"  £{value}: {outcome.then} after {took:.2f} s and {outcome.tries} tries")
            expect(outcome.answer is None and outcome.then == then, "not what the table says")
            expect(took < patience.deadline_s + patience.ask_again_s + 0.5, "too late")

    heading("What was sent unseen is reported")
    request = look(transfer)
    with between(real, [refuse(grpc.StatusCode.INTERNAL, "DECIDING_FAILED")]) as (_, address):
        outcome = Screener(address, table).screen(request)
    report = sent_unscreened(request, outcome, now())
    first = real.report(report)
    expect(first.answer is not None, f"the report was refused: {first}")
    expect(real.report(report).answer.receipt == first.answer.receipt, "recorded twice")
    print(f"  entry {first.answer.receipt.index}")

    heading("One call allowed, and it hangs: the next one is not sent")
    with between(real, [silent] * 9) as (middle, address):
        screener = Screener(address, table, calls_max=1)
        first = threading.Thread(target=screener.screen, args=(look(transfer, "1000.00"),))
        first.start()
        expect(middle.busy.wait(5), "the first call did not arrive")
        outcome = screener.screen(look(transfer))
        expect(outcome.reason == "CLIENT_FULL" and outcome.then == SEND, f"{outcome}")
        expect(outcome.tries == 0, "it was sent")
        first.join()


class Middle(grpc.GenericRpcHandler):
    """Serves as planned, call by call, and passes on what nothing is planned for."""

    def __init__(self, real, plan):
        self.passes = real.channel.unary_unary(METHOD)
        self.plan = collections.deque(plan)
        self.seen, self.lost = [], []
        self.busy = threading.Event()

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.serve) if details.method == METHOD else None

    def serve(self, request, context):
        self.seen.append(request)
        step = self.plan.popleft() if self.plan else None
        return step(self, request, context) if step else self.passes(request, timeout=5)


def refuse(code, reason, wait_ms=None):
    """Plans an error with details as Clearline gives them."""

    def step(_, __, context):
        details = [error_details_pb2.ErrorInfo(reason=reason, domain="screening.clearline")]
        if wait_ms is not None:
            delay = duration_pb2.Duration(nanos=wait_ms * 1_000_000)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=code.value[0], message="as planned")
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        context.abort_with_status(rpc_status.to_status(status))

    return step


def lose(middle, request, context):
    """Has it decided, and breaks off before the answer."""
    middle.lost.append(pb.ScreenTransferResponse.FromString(middle.passes(request, timeout=5)))
    context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")


def silent(middle, _, context):
    """Answers nothing until the caller has given up."""
    ended = threading.Event()
    if context.add_callback(ended.set):
        middle.busy.set()
        ended.wait(10)
    context.abort(grpc.StatusCode.CANCELLED, "given up")


@contextlib.contextmanager
def between(real, plan):
    """Runs a server between caller and Clearline; gives it and its address."""
    middle = Middle(real, plan)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[middle])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield middle, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def look(transfer, value="20.00"):
    request = pb.ScreenTransferRequest(
        request_id=str(uuid.uuid4()),
        payment_id=f"python-{uuid.uuid4()}",
        stage=pb.STAGE_AT_SUBMISSION,
        transfer=transfer,
    )
    request.transfer.amount.value = value
    return request


def small(transfer):
    copy = pb.Transfer()
    copy.CopyFrom(transfer)
    copy.rail = pb.Transfer.RAIL_FASTER_PAYMENTS
    return copy


def now():
    time_now = timestamp_pb2.Timestamp()
    time_now.GetCurrentTime()
    return time_now
