package bank;

import static bank.Client.expect;
import static bank.Client.heading;

import clearline.screening.v1.Screening.ScreenTransferRequest;
import clearline.screening.v1.Screening.ScreenTransferResponse;
import clearline.screening.v1.ScreeningServiceGrpc;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.rpc.RetryInfo;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What can go wrong on the way to a decision, made to happen by a server that stands in between. */
final class Trouble {
    /** What the server in between does with one call. */
    private interface Step {
        void serve(Middle middle, ScreenTransferRequest request, StreamObserver<ScreenTransferResponse> reply);
    }

    private static final Step PASS = (middle, request, reply) -> {
        reply.onNext(middle.passed(request));
        reply.onCompleted();
    };

    /** Has it decided, and breaks off before the answer. */
    private static final Step LOSE = (middle, request, reply) -> {
        middle.lost = middle.passed(request);
        reply.onError(Status.UNAVAILABLE.withDescription("the connection broke").asRuntimeException());
    };

    /** Answers nothing until the caller has given up. */
    private static final Step SILENT = (middle, request, reply) -> middle.busy.countDown();

    private static Step refuse(Status.Code code, String reason, Duration wait) {
        var info = UnknownFieldSet.newBuilder()
                .addField(1, UnknownFieldSet.Field.newBuilder()
                        .addLengthDelimited(ByteString.copyFromUtf8(reason))
                        .build())
                .build();
        var status = com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("as planned");
        status.addDetails(Any.newBuilder()
                .setTypeUrl("type.googleapis.com/google.rpc.ErrorInfo")
                .setValue(info.toByteString()));
        if (wait != null) {
            var delay = com.google.protobuf.Duration.newBuilder().setNanos((int) wait.toNanos());
            status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()));
        }
        return (middle, request, reply) -> reply.onError(StatusProto.toStatusRuntimeException(status.build()));
    }

    static void goThrough(Screener real, Table table, ScreenTransferRequest.Builder ordinary)
            throws IOException, InterruptedException {
        heading("Refused twice with UNAVAILABLE: the same request is sent each time");
        Step stopping = refuse(Status.Code.UNAVAILABLE, "STOPPING", null);
        try (Middle middle = new Middle(real, table, List.of(stopping, stopping))) {
            var outcome = middle.screener.screen(look(ordinary, "20.00"));
            expect(outcome.answer() != null && outcome.tries() == 3, "not the third try: " + outcome);
            expect(middle.seen.size() == 3 && new HashSet<>(middle.seen).size() == 1, "the tries differ");
        }

        heading("Decided, and the answer lost: the retry gets that decision");
        try (Middle middle = new Middle(real, table, List.of(LOSE))) {
            var outcome = middle.screener.screen(look(ordinary, "20.00"));
            expect(outcome.tries() == 2, "not the second try");
            expect(outcome.answer().equals(middle.lost), "it was decided twice");
            System.out.println("  " + outcome.answer().getDecision());
        }

        heading("A full queue asks to wait 300 ms: no earlier try");
        Step full = refuse(Status.Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", Duration.ofMillis(300));
        try (Middle middle = new Middle(real, table, List.of(full))) {
            long begin = System.nanoTime();
            var outcome = middle.screener.screen(look(ordinary, "20.00"));
            expect(outcome.answer() != null && outcome.tries() == 2, "not the second try: " + outcome);
            expect(TimeUnit.MILLISECONDS.toNanos(300) <= System.nanoTime() - begin, "it did not wait");
        }

        heading("Faults that time does not mend: one try, and the table");
        for (Status.Code code : List.of(
                Status.Code.INVALID_ARGUMENT,
                Status.Code.ALREADY_EXISTS,
                Status.Code.FAILED_PRECONDITION,
                Status.Code.INTERNAL,
                Status.Code.UNIMPLEMENTED,
                Status.Code.UNAUTHENTICATED,
                Status.Code.PERMISSION_DENIED)) {
            try (Middle middle = new Middle(real, table, List.of(refuse(code, "TRYING_IT", null)))) {
                var outcome = middle.screener.screen(look(ordinary, "20.00"));
                expect(outcome.tries() == 1 && outcome.then() == Table.Then.SEND, code + ": " + outcome);
                expect(outcome.reason().equals("TRYING_IT"), code + ": " + outcome);
                expect(middle.seen.size() == 1, code + ": sent " + middle.seen.size() + " times");
                System.out.printf("  %s: %s%n", code, outcome.then());
            }
        }

        heading("A server that is there and silent: the table in time");
        for (String value : List.of("20.00", "999.99", "1000.00")) {
            try (Middle middle = new Middle(real, table, Collections.nCopies(9, SILENT))) {
                var request = look(ordinary, value);
                var patience = table.patience("faster_payments_single", request.getTransfer().getAmount());
                long begin = System.nanoTime();
                var outcome = middle.screener.screen(request);
                Duration took = Duration.ofNanos(System.nanoTime() - begin);
                System.out.printf("  £%s: %s after %d ms%n", value, outcome.then(), took.toMillis());
                var then = value.equals("1000.00") ? Table.Then.KEEP_FOR_PERSON : Table.Then.SEND;
                expect(outcome.answer() == null && outcome.then() == then, "not what the table says: " + outcome);
                var bound = patience.deadline().plus(patience.askAgain()).plusMillis(500);
                expect(took.compareTo(bound) < 0, "too late");
            }
        }

        heading("What was sent unseen is reported");
        Step failed = refuse(Status.Code.INTERNAL, "DECIDING_FAILED", null);
        try (Middle middle = new Middle(real, table, List.of(failed))) {
            var request = look(ordinary, "20.00");
            var outcome = middle.screener.screen(request);
            var report = Screener.sentUnscreened(request, outcome, Client.ago(Duration.ZERO));
            var first = Client.answered(real.report(report));
            var again = Client.answered(real.report(report));
            expect(again.getReceipt().equals(first.getReceipt()), "recorded twice");
            System.out.printf("  entry %d%n", first.getReceipt().getIndex());
        }

        heading("One call allowed, and it hangs: the next one is not sent");
        try (Middle middle = new Middle(real, table, Collections.nCopies(9, SILENT));
                Screener narrow = new Screener(middle.address, table, InsecureChannelCredentials.create(), 1)) {
            Thread first = new Thread(() -> {
                try {
                    narrow.screen(look(ordinary, "1000.00"));
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                }
            });
            first.start();
            expect(middle.busy.await(5, TimeUnit.SECONDS), "the first call did not arrive");
            var outcome = narrow.screen(look(ordinary, "20.00"));
            expect(outcome.reason().equals("CLIENT_FULL") && outcome.then() == Table.Then.SEND, "" + outcome);
            expect(outcome.tries() == 0, "it was sent");
            first.join();
        }
    }

    private static ScreenTransferRequest look(ScreenTransferRequest.Builder ordinary, String value) {
        var request = ordinary.clone()
                .setRequestId(UUID.randomUUID().toString())
                .setPaymentId("java-" + UUID.randomUUID());
        request.getTransferBuilder().getAmountBuilder().setValue(value);
        return request.build();
    }

    /** Serves as planned, call by call, and passes on what nothing is planned for. */
    private static final class Middle extends ScreeningServiceGrpc.ScreeningServiceImplBase implements AutoCloseable {
        final List<ScreenTransferRequest> seen = new CopyOnWriteArrayList<>();
        final CountDownLatch busy = new CountDownLatch(1);
        final String address;
        final Screener screener;
        volatile ScreenTransferResponse lost;
        private final Screener real;
        private final Queue<Step> plan;
        private final Server server;

        Middle(Screener real, Table table, List<Step> plan) throws IOException {
            this.real = real;
            this.plan = new ArrayDeque<>(plan);
            var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
            this.server = NettyServerBuilder.forAddress(loopback).addService(this).build().start();
            this.address = "127.0.0.1:" + server.getPort();
            this.screener =
                    new Screener(address, table, InsecureChannelCredentials.create(), Screener.CALLS_MAX);
        }

        @Override
        public void screenTransfer(ScreenTransferRequest request, StreamObserver<ScreenTransferResponse> reply) {
            Step step;
            synchronized (plan) {
                seen.add(request);
                step = plan.isEmpty() ? PASS : plan.remove();
            }
            step.serve(this, request, reply);
        }

        ScreenTransferResponse passed(ScreenTransferRequest request) {
            return ScreeningServiceGrpc.newBlockingStub(real.channel)
                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                    .screenTransfer(request);
        }

        @Override
        public void close() {
            screener.close();
            server.shutdownNow();
        }
    }

    private Trouble() {}
}
