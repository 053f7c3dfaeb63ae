package bank;

import clearline.screening.v1.Screening.Account;
import clearline.screening.v1.Screening.Action;
import clearline.screening.v1.Screening.Money;
import clearline.screening.v1.Screening.Payee;
import clearline.screening.v1.Screening.Payer;
import clearline.screening.v1.Screening.ReportExecutionRequest.UnscreenedReason;
import clearline.screening.v1.Screening.ScreenIso20022Request;
import clearline.screening.v1.Screening.ScreenTransferRequest;
import clearline.screening.v1.Screening.Stage;
import clearline.screening.v1.Screening.Texts;
import clearline.screening.v1.Screening.Transfer;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * Talks to Clearline as a bank's payment system would, and checks what it promises.
 *
 * <p>Arguments: address, then pairs of --examples FOLDER, --table FILE, --ca FILE, --cert FILE, --key
 * FILE, --only outage|patient.
 */
final class Client {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (int at = 1; at + 1 < arguments.length; at += 2) {
            given.put(arguments[at], arguments[at + 1]);
        }
        String address = 0 < arguments.length ? arguments[0] : "127.0.0.1:50051";
        Path examples = Path.of(given.getOrDefault("--examples", ".."));
        String file = given.getOrDefault("--table", examples.resolve("fallback.json").toString());
        Table table = new Table(Path.of(file));
        try (Screener screener = new Screener(address, table, credentials(given), Screener.CALLS_MAX)) {
            switch (given.getOrDefault("--only", "")) {
                case "outage" -> outage(screener);
                case "patient" -> patient(screener);
                default -> {
                    screen(screener);
                    screenMessage(screener, examples);
                    refuse(screener);
                    Trouble.goThrough(screener, table, rent());
                }
            }
        }
        System.out.println("\nEverything was as the API promises.");
    }

    private static ChannelCredentials credentials(Map<String, String> given) throws IOException {
        if (!given.containsKey("--ca")) {
            return InsecureChannelCredentials.create();
        }
        var tls = TlsChannelCredentials.newBuilder().trustManager(new File(given.get("--ca")));
        if (given.containsKey("--cert")) {
            tls.keyManager(new File(given.get("--cert")), new File(given.get("--key")));
        }
        return tls.build();
    }

    private static void screen(Screener screener) throws InterruptedException {
        heading("A transfer that somebody was talked into");
        var request = tonbridgeRoad().build();
        var first = answered(screener.screen(request));
        System.out.printf("  %s, %s%n", first.getAction(), first.getHoldKind());
        System.out.printf("  %s, entry %d%n", first.getDecision(), first.getReceipt().getIndex());
        System.out.printf("  The payer is shown: %s%n", first.getWarning().getTitle());
        expect(first.getAction() == Action.ACTION_HOLD, "it may leave");
        expect(first.getReceipt().getLeafHash().size() == 32, "there is no receipt");

        heading("The same request again, as after a broken connection");
        expect(answered(screener.screen(request)).equals(first), "a retry got another answer");
    }

    private static void screenMessage(Screener screener, Path examples) throws IOException, InterruptedException {
        heading("The same as an ISO 20022 message");
        var known = tonbridgeRoad();
        var transfer = known.getTransferBuilder().clearTexts().clearAmount();
        transfer.getPayerBuilder().clearAccount();
        transfer.getPayeeBuilder().clearAccount().clearName();
        byte[] message = Files.readAllBytes(examples.resolve("tonbridge-road.pain.001.xml"));
        var request = ScreenIso20022Request.newBuilder()
                .setMessage(ByteString.copyFrom(message))
                .setKnown(known)
                .build();
        var first = answered(screener.screenIso20022(request, "faster_payments_single", pounds("3200.00")));
        for (var each : first.getAnswersList()) {
            System.out.printf("  %s: %s%n", each.getPath(), each.getResponse().getAction());
        }
        expect(first.getAnswersCount() == 1, "the message has one transfer");
        expect(first.getAnswers(0).getResponse().getAction() == Action.ACTION_HOLD, "it may leave");
        var again = answered(screener.screenIso20022(request, "faster_payments_single", pounds("3200.00")));
        expect(again.equals(first), "a retry got another answer");
    }

    private static void refuse(Screener screener) throws InterruptedException {
        heading("Another amount under a request_id that was used");
        var request = tonbridgeRoad();
        answered(screener.screen(request.build()));
        request.getTransferBuilder().getAmountBuilder().setValue("3.00");
        var outcome = screener.screen(request.build());
        System.out.printf("  %s, %s%n", outcome.code(), outcome.reason());
        expect(outcome.code() == Status.Code.ALREADY_EXISTS, "it was not refused as a second transfer");
        expect(outcome.reason().equals("REQUEST_ID_REUSED") && outcome.tries() == 1, "another reason");
    }

    /** Nobody answers: the table's row and band say what becomes of each payment. */
    private static void outage(Screener screener) throws InterruptedException {
        heading("An outage: small payments are sent, large ones wait for a person");
        for (var band : Map.of("20.00", Table.Then.SEND, "3200.00", Table.Then.KEEP_FOR_PERSON).entrySet()) {
            var request = tonbridgeRoad();
            request.getTransferBuilder().getAmountBuilder().setValue(band.getKey());
            var outcome = screener.screen(request.build());
            System.out.printf("  £%s: %s after %d tries%n", band.getKey(), outcome.then(), outcome.tries());
            expect(outcome.answer() == null, "somebody answered");
            expect(outcome.then() == band.getValue(), "not what the table says");
            expect(outcome.unscreened() == UnscreenedReason.UNSCREENED_REASON_UNREACHABLE, "another reason");
        }
    }

    /** A CHAPS payment waits for minutes: it is asked about until the server is back. */
    private static void patient(Screener screener) throws InterruptedException {
        heading("An outage that a CHAPS payment waits out");
        var request = rent();
        request.getTransferBuilder().setRail(Transfer.Rail.RAIL_CHAPS);
        var outcome = screener.screen(request.build());
        expect(outcome.answer() != null, "no answer within the table's time");
        expect(1 < outcome.tries(), "it was answered at once");
        System.out.printf("  %s after %d tries%n", outcome.answer().getAction(), outcome.tries());
    }

    /** A payer is told of a warrant, and to pay for legal advice; a cheque is promised. */
    private static ScreenTransferRequest.Builder tonbridgeRoad() {
        return ScreenTransferRequest.newBuilder()
                .setRequestId(UUID.randomUUID().toString())
                .setPaymentId("java-" + UUID.randomUUID())
                .setStage(Stage.STAGE_BEFORE_CONFIRMATION)
                .setCanAsk(true)
                .setTransfer(Transfer.newBuilder()
                        .setRail(Transfer.Rail.RAIL_FASTER_PAYMENTS)
                        .setChannel(Transfer.Channel.CHANNEL_MOBILE_APP)
                        .setAmount(pounds("3200.00"))
                        .setConfirmTime(ago(Duration.ZERO))
                        .setPayer(Payer.newBuilder()
                                .setCustomerKey("java-1")
                                .setAccount(Account.newBuilder().setSortCode("601613").setAccountNumber("31926819"))
                                .setAvailableBalance(pounds("3450.00")))
                        .setPayee(Payee.newBuilder()
                                .setAccount(Account.newBuilder().setSortCode("204514").setAccountNumber("10765543"))
                                .setName("J Harris")
                                .setAddTime(ago(Duration.ofMinutes(6)))
                                .setTimesPaid(0))
                        .setTexts(Texts.newBuilder()
                                .setReference("LEGAL ADVICE")
                                .setRemittance("legal advice, will be refunded by cheque tomorrow")));
    }

    /** Rent, to a payee of two years. */
    static ScreenTransferRequest.Builder rent() {
        Timestamp then = ago(Duration.ofDays(2 * 365));
        return ScreenTransferRequest.newBuilder()
                .setRequestId(UUID.randomUUID().toString())
                .setPaymentId("java-" + UUID.randomUUID())
                .setStage(Stage.STAGE_AT_SUBMISSION)
                .setTransfer(Transfer.newBuilder()
                        .setRail(Transfer.Rail.RAIL_FASTER_PAYMENTS)
                        .setAmount(pounds("850.00"))
                        .setConfirmTime(ago(Duration.ZERO))
                        .setPayer(Payer.newBuilder()
                                .setCustomerKey("java-2")
                                .setAccount(Account.newBuilder().setSortCode("601613").setAccountNumber("40000000")))
                        .setPayee(Payee.newBuilder()
                                .setAccount(Account.newBuilder().setIban("GB02 NWBK 6016 1331 9268 20"))
                                .setAddTime(then)
                                .setFirstPayTime(then)
                                .setTimesPaid(24))
                        .setTexts(Texts.newBuilder().setReference("RENT")));
    }

    static Money pounds(String value) {
        return Money.newBuilder().setCurrencyCode("GBP").setValue(value).build();
    }

    static Timestamp ago(Duration time) {
        Instant moment = Instant.now().minus(time);
        return Timestamp.newBuilder().setSeconds(moment.getEpochSecond()).setNanos(moment.getNano()).build();
    }

    static <A> A answered(Screener.Outcome<A> outcome) {
        expect(outcome.answer() != null, "no answer: " + outcome);
        return outcome.answer();
    }

    static void heading(String text) {
        System.out.println("\n" + text);
    }

    static void expect(boolean holds, String otherwise) {
        if (!holds) {
            System.err.println("NOT AS EXPECTED: " + otherwise);
            System.exit(1);
        }
    }

    private Client() {}
}
