package bank;

import clearline.screening.v1.Screening.Iso20022Answer;
import clearline.screening.v1.Screening.Money;
import clearline.screening.v1.Screening.ReportExecutionRequest;
import clearline.screening.v1.Screening.ReportExecutionRequest.Execution;
import clearline.screening.v1.Screening.ReportExecutionRequest.UnscreenedReason;
import clearline.screening.v1.Screening.ReportExecutionResponse;
import clearline.screening.v1.Screening.ScreenIso20022Request;
import clearline.screening.v1.Screening.ScreenIso20022Response;
import clearline.screening.v1.Screening.ScreenTransferRequest;
import clearline.screening.v1.Screening.ScreenTransferResponse;
import clearline.screening.v1.ScreeningServiceGrpc;
import clearline.screening.v1.ScreeningServiceGrpc.ScreeningServiceBlockingStub;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import com.google.rpc.RetryInfo;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/**
 * Asks about transfers, over one connection that stays open; safe to share among threads.
 *
 * <p>Always comes back in time, with an answer or with what the bank decided beforehand for the case
 * that there is none. This is what a payment system needs around the generated code: copy and change.
 */
final class Screener implements AutoCloseable {
    /**
     * Safe to ask again, with the same request_id: it gets the first answer, if there is one. Every
     * other code says that the same request will fare no better.
     */
    static final Set<Status.Code> RETRIED =
            Set.of(Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED, Status.Code.DEADLINE_EXCEEDED);

    /**
     * Pauses between tries: doubled from the first to the longest, each drawn from its upper half, so
     * that a thousand callers do not come back in one moment.
     */
    private static final Duration PAUSE = Duration.ofMillis(100);

    private static final Duration PAUSE_MAX = Duration.ofSeconds(2);

    /**
     * Calls under way at once. Below `limits.streams_max` of the server, so that a call waits here,
     * where its deadline is known, and not in the channel.
     */
    static final int CALLS_MAX = 256;

    /**
     * What asking came to: `answer`, or, where that is null, `then`, and why there is none: the last
     * status code and reason, and the reason to report.
     */
    record Outcome<A>(
            A answer, Table.Then then, Status.Code code, String reason, UnscreenedReason unscreened, int tries) {}

    final ManagedChannel channel;
    private final ScreeningServiceBlockingStub stub;
    private final Table table;
    private final Semaphore places;

    Screener(String address, Table table, ChannelCredentials credentials, int callsMax) {
        // The server asks every 20 s whether we are there. This asks whether it is: after at most 40 s
        // a connection that leads nowhere is given up. The server takes any pace of pings.
        this.channel = Grpc.newChannelBuilder(address, credentials)
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .keepAliveWithoutCalls(true)
                .build();
        this.stub = ScreeningServiceGrpc.newBlockingStub(channel);
        this.table = table;
        this.places = new Semaphore(callsMax, true);
    }

    /** Screens one transfer. Returns within its deadline and the time to ask again. */
    Outcome<ScreenTransferResponse> screen(ScreenTransferRequest request) throws InterruptedException {
        var transfer = request.getTransfer();
        var patience = table.patience(Table.rowOf(transfer), transfer.getAmount());
        return ask(ScreeningServiceBlockingStub::screenTransfer, request, patience, answer -> true);
    }

    /**
     * Screens a payment message, of which the caller knows the rail and the largest amount.
     *
     * <p>While a transfer in it has an error that time may mend, the whole is repeated: those that have
     * a decision get the same one. What is left in the end has an error in its place.
     */
    Outcome<ScreenIso20022Response> screenIso20022(ScreenIso20022Request request, String row, Money largest)
            throws InterruptedException {
        var patience = table.patience(row, largest);
        return ask(ScreeningServiceBlockingStub::screenIso20022, request, patience, Screener::isWhole);
    }

    /** Reports what became of a payment. Idempotent, so keep what fails and repeat it. */
    Outcome<ReportExecutionResponse> report(ReportExecutionRequest request) throws InterruptedException {
        var patience = new Table.Patience(
                Duration.ofSeconds(5), Duration.ofSeconds(60), Table.Then.KEEP_FOR_PERSON);
        return ask(ScreeningServiceBlockingStub::reportExecution, request, patience, answer -> true);
    }

    private <Q, A> Outcome<A> ask(
            BiFunction<ScreeningServiceBlockingStub, Q, A> method,
            Q request,
            Table.Patience patience,
            Predicate<A> enough)
            throws InterruptedException {
        long begin = System.nanoTime();
        if (!places.tryAcquire(patience.deadline().toNanos(), TimeUnit.NANOSECONDS)) {
            // As many calls as we allow ourselves are under way: the server is slow or gone.
            return new Outcome<>(
                    null, patience.then(), null, "CLIENT_FULL", UnscreenedReason.UNSCREENED_REASON_NO_ANSWER, 0);
        }
        try {
            return askUntil(method, request, patience, enough, begin);
        } finally {
            places.release();
        }
    }

    private <Q, A> Outcome<A> askUntil(
            BiFunction<ScreeningServiceBlockingStub, Q, A> method,
            Q request,
            Table.Patience patience,
            Predicate<A> enough,
            long begin)
            throws InterruptedException {
        // Times are since `begin`.
        long deadline = patience.deadline().toNanos();
        long ends = deadline + patience.askAgain().toNanos();
        long pause = PAUSE.toNanos();
        for (int tries = 1; ; tries += 1) {
            // The payer waits for the first deadline; behind the table each try has a whole one.
            long now = System.nanoTime() - begin;
            long limit = now < deadline ? deadline : Math.min(ends, now + deadline);
            long left = Math.max(limit - now, 1_000_000);
            A answer = null;
            Status.Code code = Status.Code.OK;
            Told told = new Told("", 0);
            try {
                // The request is sent as it is each time: same request_id, same request_time.
                answer = method.apply(stub.withDeadlineAfter(left, TimeUnit.NANOSECONDS), request);
                if (enough.test(answer)) {
                    return new Outcome<>(answer, null, code, "", null, tries);
                }
            } catch (StatusRuntimeException error) {
                code = error.getStatus().getCode();
                told = told(error);
            }
            long wait = Math.max(ThreadLocalRandom.current().nextLong(pause / 2, pause), told.wantedNanos());
            pause = Math.min(pause * 2, PAUSE_MAX.toNanos());
            boolean settled = answer == null && !RETRIED.contains(code);
            if (settled || ends <= System.nanoTime() - begin + wait) {
                return answer != null
                        ? new Outcome<>(answer, null, code, "", null, tries)
                        : new Outcome<>(null, patience.then(), code, told.reason(), unscreened(code), tries);
            }
            System.out.printf("  no answer yet: %s %s, try %d%n", code, told.reason(), tries);
            TimeUnit.NANOSECONDS.sleep(wait);
            // Left alone, a channel waits up to two minutes before it looks whether a server is back.
            channel.resetConnectBackoff();
        }
    }

    /** An error's reason, and how long the server asks to wait. */
    record Told(String reason, long wantedNanos) {}

    static Told told(StatusRuntimeException error) {
        String reason = "";
        long wanted = 0;
        var status = StatusProto.fromThrowable(error);
        if (status != null) {
            for (Any packed : status.getDetailsList()) {
                try {
                    if (packed.getTypeUrl().endsWith("/google.rpc.ErrorInfo")) {
                        // Its first field; old releases of the common messages do not have the type.
                        var info = UnknownFieldSet.parseFrom(packed.getValue());
                        for (var bytes : info.getField(1).getLengthDelimitedList()) {
                            reason = bytes.toStringUtf8();
                        }
                    } else if (packed.is(RetryInfo.class)) {
                        var delay = packed.unpack(RetryInfo.class).getRetryDelay();
                        wanted = TimeUnit.SECONDS.toNanos(delay.getSeconds()) + delay.getNanos();
                    }
                } catch (InvalidProtocolBufferException unreadable) {
                    // An error is an error without its details too.
                }
            }
        }
        return new Told(reason, wanted);
    }

    private static boolean isWhole(ScreenIso20022Response answer) {
        for (Iso20022Answer each : answer.getAnswersList()) {
            if (each.hasError() && RETRIED.contains(Status.fromCodeValue(each.getError().getCode()).getCode())) {
                return false;
            }
        }
        return true;
    }

    private static UnscreenedReason unscreened(Status.Code code) {
        if (code == Status.Code.UNAVAILABLE) {
            return UnscreenedReason.UNSCREENED_REASON_UNREACHABLE;
        }
        return RETRIED.contains(code)
                ? UnscreenedReason.UNSCREENED_REASON_NO_ANSWER
                : UnscreenedReason.UNSCREENED_REASON_ERROR;
    }

    /** Makes the report of a payment that was sent without an answer. */
    static ReportExecutionRequest sentUnscreened(ScreenTransferRequest request, Outcome<?> outcome, Timestamp moment) {
        return ReportExecutionRequest.newBuilder()
                .setPaymentId(request.getPaymentId())
                .setExecution(Execution.EXECUTION_SENT_UNSCREENED)
                .setExecuteTime(moment)
                .setUnscreenedReason(outcome.unscreened())
                .setTransfer(request.getTransfer())
                .build();
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
