package bank;

import clearline.screening.v1.Screening.Instruction;
import clearline.screening.v1.Screening.Money;
import clearline.screening.v1.Screening.Transfer;
import com.google.gson.Gson;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What the bank decided for each rail and amount; refuses to be incomplete. */
final class Table {
    /** What becomes of a payment that nothing answers for. */
    enum Then {
        SEND,
        KEEP_FOR_PERSON
    }

    /** How long one transfer is asked about, and what becomes of it if nothing answers. */
    record Patience(Duration deadline, Duration askAgain, Then then) {}

    private static final List<String> ROWS = List.of(
            "faster_payments_single",
            "faster_payments_scheduled",
            "chaps",
            "bacs",
            "internal",
            "international");

    // As the file has it.
    private static final class Stated {
        String decided_by;
        String currency;
        Map<String, Rail> rails;
    }

    private static final class Rail {
        long deadline_ms;
        List<Band> bands;
    }

    private static final class Band {
        BigDecimal from;
        long ask_again_s;
        Then then;
    }

    private final Stated stated;

    Table(Path file) throws IOException {
        stated = new Gson().fromJson(Files.readString(file), Stated.class);
        if (stated.decided_by.isBlank()) {
            throw new IllegalArgumentException(file + ": nobody has decided this");
        }
        for (String row : ROWS) {
            Rail rail = stated.rails.get(row);
            if (rail == null || rail.deadline_ms < 1 || 10_000 < rail.deadline_ms) {
                throw new IllegalArgumentException(file + ": " + row + ": a deadline is 1 to 10,000 ms");
            }
            BigDecimal last = null;
            for (Band band : rail.bands) {
                boolean rises = last == null ? band.from.signum() == 0 : last.compareTo(band.from) < 0;
                if (!rises) {
                    throw new IllegalArgumentException(file + ": " + row + ": bands begin at 0 and rise");
                }
                if (band.then == null || band.ask_again_s < 0) {
                    throw new IllegalArgumentException(
                            file + ": " + row + ": SEND or KEEP_FOR_PERSON after 0 s or more");
                }
                last = band.from;
            }
            if (last == null) {
                throw new IllegalArgumentException(file + ": " + row + ": no band");
            }
        }
    }

    Patience patience(String row, Money money) {
        Rail rail = stated.rails.get(row);
        // What is not in the table's currency counts as the largest amount.
        Band fitting = rail.bands.get(rail.bands.size() - 1);
        if (money.getCurrencyCode().equals(stated.currency)) {
            BigDecimal amount = new BigDecimal(money.getValue());
            for (Band band : rail.bands) {
                if (band.from.compareTo(amount) <= 0) {
                    fitting = band;
                }
            }
        }
        return new Patience(
                Duration.ofMillis(rail.deadline_ms), Duration.ofSeconds(fitting.ask_again_s), fitting.then);
    }

    /** Names the table's row for a transfer. */
    static String rowOf(Transfer transfer) {
        Instruction.Kind kind = transfer.getInstruction().getKind();
        return switch (transfer.getRail()) {
            case RAIL_FASTER_PAYMENTS -> switch (kind) {
                case KIND_STANDING_ORDER, KIND_FORWARD_DATED -> "faster_payments_scheduled";
                default -> "faster_payments_single";
            };
            case RAIL_CHAPS -> "chaps";
            case RAIL_BACS -> "bacs";
            case RAIL_INTERNAL -> "internal";
            case RAIL_INTERNATIONAL -> "international";
            default -> throw new IllegalArgumentException("no row of the table is for " + transfer.getRail());
        };
    }
}
