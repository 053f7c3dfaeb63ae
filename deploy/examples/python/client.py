"""Talks to Clearline as a bank's payment system would, and checks what it promises."""

import argparse
import datetime
import logging
import pathlib
import sys
import uuid

import grpc
from google.protobuf import duration_pb2, timestamp_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

import trouble
from checking import expect, heading
from screening import KEEP_FOR_PERSON, SEND, Screener, Table, pb, sent_unscreened

SERVICE = "clearline.screening.v1.ScreeningService"
EXAMPLES = pathlib.Path(__file__).parent.parent

# For calls that no payer waits for.
DEADLINE_S = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", default="127.0.0.1:50051")
    parser.add_argument("--table", default=EXAMPLES / "fallback.json", help="the bank's decisions")
    parser.add_argument("--ca", help="certificates (PEM) of who may vouch for the server: use TLS")
    parser.add_argument("--cert", help="our certificate (PEM)")
    parser.add_argument("--key", help="its key (PEM)")
    parser.add_argument(
        "--only",
        choices=("outage", "patient"),
        help="with no server: do as the table says (outage), or ask until there is one (patient)",
    )
    given = parser.parse_args()
    logging.basicConfig(format="  %(message)s", level=logging.INFO)

    table = Table(given.table)
    screener = Screener(given.address, table, credentials(given))
    if given.only == "outage":
        outage(screener)
    elif given.only == "patient":
        patient(screener)
    else:
        whole_tour(screener)
        trouble.go_through(screener, table, rent(0).transfer)
    print("\nEverything was as the API promises.")


def credentials(given):
    if given.ca is None:
        return None
    read = [pathlib.Path(file).read_bytes() if file else None for file in (given.ca, given.key, given.cert)]
    return grpc.ssl_channel_credentials(*read)


def whole_tour(screener):
    channel, stub = screener.channel, screener.stub
    try:
        grpc.channel_ready_future(channel).result(timeout=5)
    except grpc.FutureTimeoutError:
        sys.exit("no server answers, or it takes no such caller")
    describe(channel)
    look_at_health(channel)
    held = screen(screener)
    explain(stub, held)
    screen_message(screener)
    run_into_errors(screener)
    stream(stub)


def outage(screener):
    """Nobody answers: the table's row and band say what becomes of each payment."""
    heading("An outage: small payments are sent, large ones wait for a person")
    for value, then in (("20.00", SEND), ("3200.00", KEEP_FOR_PERSON)):
        request = tonbridge_road()
        request.transfer.amount.value = value
        outcome = screener.screen(request)
        print(f"  £{value}: {outcome.then}, after {outcome.tries} tries: {outcome.code.name}")
        expect(outcome.answer is None, "somebody answered")
        expect(outcome.then == then, "not what the table says")
        report = sent_unscreened(request, outcome, moment())
        unreachable = pb.ReportExecutionRequest.UNSCREENED_REASON_UNREACHABLE
        expect(report.unscreened_reason == unreachable, "another reason")


def patient(screener):
    """A CHAPS payment waits for minutes: it is asked about until the server is back."""
    heading("An outage that a CHAPS payment waits out")
    request = rent(1)
    request.transfer.rail = pb.Transfer.RAIL_CHAPS
    outcome = screener.screen(request)
    expect(outcome.answer is not None, "no answer within the table's time")
    expect(outcome.tries > 1, "it was answered at once")
    print(f"  {pb.Action.Name(outcome.answer.action)} after {outcome.tries} tries")


def describe(channel):
    """Reads the API from the server itself."""
    heading("What the server says of itself (reflection)")
    database = ProtoReflectionDescriptorDatabase(channel)
    services = sorted(database.get_services())
    for service in services:
        print(f"  {service}")
    expect(SERVICE in services, "the service is not listed")
    file = database.FindFileContainingSymbol(SERVICE)
    methods = [method.name for service in file.service for method in service.method]
    print(f"  {SERVICE.rpartition('.')[2]}: {', '.join(methods)}")
    ours = [method.name for method in pb.DESCRIPTOR.services_by_name["ScreeningService"].methods]
    expect(methods == ours, "the server's API is not the one that this client was made from")


def look_at_health(channel):
    heading("Health")
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S)
        status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        print(f"  {service or 'the whole server'}: {status}")
        expect(answer.status == health_pb2.HealthCheckResponse.SERVING, "not serving")
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=DEADLINE_S)
        expect(False, "a service that does not exist has a health")
    except grpc.RpcError as error:
        expect(error.code() == grpc.StatusCode.NOT_FOUND, "unknown services are NOT_FOUND")


def screen(screener):
    """Screens a transfer that somebody was talked into, and retries it."""
    heading("A transfer that somebody was talked into")
    request = tonbridge_road()
    first = answered(screener.screen(request))
    show(first)
    expect(first.action == pb.ACTION_HOLD, "it may leave")
    expect(first.warning.title != "", "there is no warning to show")
    expect(len(first.receipt.leaf_hash) == 32, "there is no receipt")
    expect(first.receipt.index < first.receipt.tree_size, "the receipt makes no sense")

    heading("The same request again, as after a broken connection")
    again = answered(screener.screen(request))
    print(f"  {again.decision}, entry {again.receipt.index}")
    expect(again.decision == first.decision, "a retry got another decision")
    expect(again.receipt == first.receipt, "a retry got another receipt")
    expect(again.warning == first.warning, "a retry got another warning")
    return first


def explain(stub, held):
    """Reads what fraud staff may see of a decision."""
    heading("Why, for staff")
    found = stub.GetDecision(pb.GetDecisionRequest(decision=held.decision), timeout=DEADLINE_S)
    for finding in found.decision.findings:
        print(f"  {finding.points:+4d}  {finding.signal_id}: {finding.evidence}")
    expect(len(found.decision.findings) > 0, "nothing was found")
    checkpoint = found.decision.receipt.checkpoint
    print("  " + checkpoint.splitlines()[0] + ", signed")
    expect(checkpoint.startswith(held.receipt.origin + "\n"), "the checkpoint is of another log")

    listed = stub.ListDecisions(
        pb.ListDecisionsRequest(
            page_size=10,
            action=pb.ACTION_HOLD,
            payee_account=pb.Account(sort_code="204514", account_number="10765543"),
        ),
        timeout=DEADLINE_S,
    )
    names = [decision.name for decision in listed.decisions]
    expect(held.decision in names, "the decision is not listed under its payee")


def screen_message(screener):
    """Screens the same order as the payer's app sends it: a pain.001 message."""
    heading("The same as an ISO 20022 message")
    known = tonbridge_road()
    known.transfer.ClearField("texts")
    known.transfer.ClearField("amount")
    known.transfer.payer.ClearField("account")
    known.transfer.payee.ClearField("account")
    known.transfer.payee.ClearField("name")
    message = (EXAMPLES / "tonbridge-road.pain.001.xml").read_bytes()
    request = pb.ScreenIso20022Request(message=message, known=known)
    largest = pb.Money(currency_code="GBP", value="3200.00")
    first = answered(screener.screen_iso20022(request, "faster_payments_single", largest))
    for each in first.answers:
        print(f"  {each.path}: {pb.Action.Name(each.response.action)}")
    expect(len(first.answers) == 1, "the message has one transfer")
    expect(first.answers[0].response.action == pb.ACTION_HOLD, "it may leave")
    expect(first.answers[0].request_id == known.request_id, "not under the id that was given")
    again = answered(screener.screen_iso20022(request, "faster_payments_single", largest))
    expect(again == first, "a retry got another answer")


def run_into_errors(screener):
    stub = screener.stub
    heading("Another amount under a request_id that was used")
    request = tonbridge_road()
    answered(screener.screen(request))
    request.transfer.amount.value = "3.00"
    code, details = refused(stub, request)
    expect(code == grpc.StatusCode.ALREADY_EXISTS, "it was not refused as a second transfer")
    expect(details["ErrorInfo"].reason == "REQUEST_ID_REUSED", "another reason")
    expect(details["ErrorInfo"].domain == "screening.clearline", "another domain")

    heading("Three fields that cannot be read, named at once")
    request = tonbridge_road()
    request.transfer.amount.value = "12,50"
    request.transfer.amount.currency_code = "QQQ"
    request.transfer.payer.customer_key = ""
    code, details = refused(stub, request)
    expect(code == grpc.StatusCode.INVALID_ARGUMENT, "it was not refused as malformed")
    fields = {violation.field for violation in details["BadRequest"].field_violations}
    expect(len(fields) == 3, f"not three fields but {sorted(fields)}")

    heading("A fact that cannot be read: dropped, listed, and decided without")
    request = tonbridge_road()
    request.transfer.end_to_end_id = "x" * 36
    answer = answered(screener.screen(request))
    for fact in answer.rejected_facts:
        print(f"  {fact.field}: expected {fact.expected}")
    expect(
        [fact.field for fact in answer.rejected_facts] == ["transfer.end_to_end_id"],
        "the fact is not listed",
    )


def stream(stub):
    """Sends a file's worth of transfers over one stream; answers come in any order."""
    heading("A stream of 200 transfers")
    requests = {}
    for number in range(200):
        request = rent(number)
        requests[request.request_id] = pb.ScreenTransfersRequest(
            request=request, timeout=duration_pb2.Duration(seconds=5)
        )
    actions = {}
    for answer in stub.ScreenTransfers(iter(requests.values()), timeout=30):
        expect(answer.request_id in requests, "an answer to nobody's question")
        expect(answer.request_id not in actions, "two answers to one question")
        expect(answer.HasField("response"), f"no decision: {answer.error.reason}")
        actions[answer.request_id] = answer.response.action
    expect(len(actions) == len(requests), "some questions got no answer")
    allowed = sum(action == pb.ACTION_ALLOW for action in actions.values())
    print(f"  {len(actions)} answers, {allowed} of them ALLOW")


def answered(outcome):
    expect(outcome.answer is not None, f"no answer: {outcome.code} {outcome.reason}")
    return outcome.answer


def refused(stub, request):
    """Asks, and returns the status code and the details by name."""
    try:
        stub.ScreenTransfer(request, timeout=DEADLINE_S)
    except grpc.RpcError as error:
        details = {}
        for packed in rpc_status.from_call(error).details:
            for kind in ("ErrorInfo", "BadRequest", "RetryInfo"):
                message = getattr(error_details_pb2, kind)()
                if packed.Unpack(message):
                    details[kind] = message
        expect("ErrorInfo" in details, "an error without a reason")
        print(f"  {error.code().name}, {details['ErrorInfo'].reason}: {error.details()}")
        if "BadRequest" in details:
            for violation in details["BadRequest"].field_violations:
                print(f"    {violation.field}: {violation.description}")
        return error.code(), details
    expect(False, "it was not refused")


def tonbridge_road():
    """A payer is told of a warrant, and to pay for legal advice; a cheque is promised."""
    now = moment()
    return pb.ScreenTransferRequest(
        request_id=str(uuid.uuid4()),
        payment_id=f"python-{uuid.uuid4()}",
        stage=pb.STAGE_BEFORE_CONFIRMATION,
        can_ask=True,
        transfer=pb.Transfer(
            rail=pb.Transfer.RAIL_FASTER_PAYMENTS,
            channel=pb.Transfer.CHANNEL_MOBILE_APP,
            amount=pb.Money(currency_code="GBP", value="3200.00"),
            confirm_time=now,
            payer=pb.Payer(
                customer_key="python-1",
                account=pb.Account(sort_code="601613", account_number="31926819"),
                available_balance=pb.Money(currency_code="GBP", value="3450.00"),
            ),
            payee=pb.Payee(
                account=pb.Account(sort_code="204514", account_number="10765543"),
                name="J Harris",
                add_time=earlier(now, minutes=6),
                times_paid=0,
            ),
            texts=pb.Texts(
                reference="LEGAL ADVICE",
                remittance="legal advice, will be refunded by cheque tomorrow",
            ),
        ),
    )


def rent(number):
    """Rent, to a payee of two years."""
    now = moment()
    return pb.ScreenTransferRequest(
        request_id=str(uuid.uuid4()),
        payment_id=f"python-{uuid.uuid4()}",
        stage=pb.STAGE_AT_SUBMISSION,
        transfer=pb.Transfer(
            amount=pb.Money(currency_code="GBP", value="850.00"),
            confirm_time=now,
            payer=pb.Payer(
                customer_key=f"python-{number}",
                account=pb.Account(sort_code="601613", account_number=str(40000000 + number)),
            ),
            payee=pb.Payee(
                account=pb.Account(iban="GB02 NWBK 6016 1331 9268 20"),
                add_time=earlier(now, minutes=2 * 365 * 24 * 60),
                first_pay_time=earlier(now, minutes=2 * 365 * 24 * 60),
                times_paid=24,
            ),
            texts=pb.Texts(reference="RENT"),
        ),
    )


def moment():
    time = timestamp_pb2.Timestamp()
    time.GetCurrentTime()
    return time


def earlier(time, minutes):
    before = timestamp_pb2.Timestamp()
    before.FromDatetime(time.ToDatetime() - datetime.timedelta(minutes=minutes))
    return before


def show(answer):
    print(f"  {pb.Action.Name(answer.action)}, {pb.HoldKind.Name(answer.hold_kind)}")
    print(f"  {answer.decision}, entry {answer.receipt.index} of {answer.receipt.origin}")
    print(f"  The payer is shown: {answer.warning.title}")
    for paragraph in answer.warning.paragraphs:
        print(f"    {paragraph}")
    print(f"    [ {answer.warning.safe_action} ]")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"\nended by {error.code().name}: {error.details()}")
