package duet.cli.options;

import java.util.Locale;
import java.util.stream.Collectors;

import duet.text.Text;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.WarmUp;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The option --lr-policy: how the learning rate changes from its first value. */
public sealed interface RatePolicy {
    /** The policy that starts with the given rate. */
    LearningRate from(double initial);

    /** In words, such as {@code times 0.15 after every 4 epochs}. */
    static String describe(LearningRate rate) {
        return switch (rate) {
            case LearningRate.Constant c -> "constant";
            case LearningRate.Steps s -> "times " + Text.number(s.factor()) + " after every " + Text.number(s.epochs()) + " epochs";
            case LearningRate.Linear l -> "falling to 0 over " + Text.number(l.epochs()) + " epochs";
            case LearningRate.Exponential e ->
                "falling to " + Text.number(e.factor()) + " of it over " + Text.number(e.epochs()) + " epochs";
            case WarmUp w -> describe(w.then()) + ", rising over the first "
                    + (w.epochs() == 1 ? "epoch" : Text.number(w.epochs()) + " epochs");
            case Diary d ->
                "changed at epochs " + d.changes().stream().map(Diary.Change::epoch).filter(epoch -> epoch > 0).map(Text::number).distinct()
                        .collect(Collectors.joining(", "));
            case LearningRate.Plateau p -> "times " + Text.number(p.factor()) + " when " + Text.count(p.patience(), "validation")
                    + " in a row are no better, at most " + p.times() + " times";
        };
    }

    record Constant() implements RatePolicy {
        @Override
        public LearningRate from(double initial) {
            return new LearningRate.Constant(initial);
        }
    }

    record Steps(double epochs, double factor) implements RatePolicy {
        @Override
        public LearningRate from(double initial) {
            return new LearningRate.Steps(initial, epochs, factor);
        }
    }

    record Linear(double epochs) implements RatePolicy {
        @Override
        public LearningRate from(double initial) {
            return new LearningRate.Linear(initial, epochs);
        }
    }

    record Exponential(double epochs, double factor) implements RatePolicy {
        @Override
        public LearningRate from(double initial) {
            return new LearningRate.Exponential(initial, epochs, factor);
        }
    }

    record Plateau(int patience) implements RatePolicy {
        /** The paper divided by 10, three times. */
        @Override
        public LearningRate from(double initial) {
            return new LearningRate.Plateau(initial, 0.1, patience, 3);
        }
    }

    /**
     * {@code constant}, {@code steps:EPOCHS[:FACTOR]}, {@code linear:EPOCHS}, {@code exponential:EPOCHS[:FACTOR]},
     * {@code plateau[:PATIENCE]}.
     */
    final class Converter implements ITypeConverter<RatePolicy> {
        @Override
        public RatePolicy convert(String text) {
            String[] parts = text.toLowerCase(Locale.ROOT).split(":", -1);
            double first = parts.length > 1 ? Numbers.real(parts[1]) : Double.NaN;
            double second = parts.length > 2 ? Numbers.real(parts[2]) : parts[0].equals("exponential") ? 0.001 : 0.1;
            return switch (parts[0] + "/" + parts.length) {
                case "constant/1" -> new Constant();
                case "steps/2", "steps/3" -> {
                    require(first > 0, text, "EPOCHS must be above 0");
                    require(second > 0 && second < 1, text, "FACTOR must lie between 0 and 1");
                    yield new Steps(first, second);
                }
                case "linear/2" -> {
                    require(first > 0, text, "EPOCHS must be above 0");
                    yield new Linear(first);
                }
                case "exponential/2", "exponential/3" -> {
                    require(first > 0, text, "EPOCHS must be above 0");
                    require(second > 0 && second < 1, text, "FACTOR must lie between 0 and 1");
                    yield new Exponential(first, second);
                }
                case "plateau/1" -> new Plateau(5);
                case "plateau/2" -> {
                    require(first >= 1 && first == Math.rint(first) && first < 1e6, text, "PATIENCE must be a whole number of validations");
                    yield new Plateau((int) first);
                }
                default -> throw new TypeConversionException(
                        "'" + text
                                + "' is none of constant, steps:EPOCHS[:FACTOR], linear:EPOCHS, exponential:EPOCHS[:FACTOR], "
                                + "plateau[:PATIENCE]");
            };
        }

        private static void require(boolean fine, String text, String rule) {
            if (!fine) {
                throw new TypeConversionException("in '" + text + "' the " + rule);
            }
        }
    }
}
