package duet.cli.options;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

import duet.cli.output.CommandFailure;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.net.Network;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.text.Text;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which devices compute, and which part each of them holds. */
@Heading(Heading.DEVICES)
public final class DeviceOptions {
    private static final Map<String, Placement> PLACEMENTS = Map.of("one", Placement.ONE_DEVICE, "towers", Placement.TWO_TOWERS);

    @Option(names = "--devices", paramLabel = "LIST",
            description = "Devices, separated by commas: 'cpu', 'cpu,cpu', 'cuda:0,cuda:1', 'cuda:0,cuda:0' (two on one card), "
                    + "'virtual:0,virtual:1' (default: CUDA if there is a card, else the CPU, as many as "
                    + "the placement needs; './duet devices' shows which).")
    private String devices;

    @Option(names = "--placement", paramLabel = "NAME", converter = PlacementConverter.class,
            description = "'one': everything on one device; 'towers': each of two devices holds half of every layer, as in the "
                    + "paper (default: what fits --devices; without it towers to train a network that can be cut in two, one otherwise).")
    private Placement placement;

    @Option(names = "--threads", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Threads in all, shared out among CPU devices (default: one for each core).")
    private Integer threads;

    @Option(names = "--convolutions", paramLabel = "WAY", converter = ConvolutionsConverter.class,
            description = "How CPU devices compute convolutions: 'fastest' chooses for each layer, 'direct' and 'winograd' (where it "
                    + "applies) do not; './duet plan --devices cpu' shows the choice (default: fastest).")
    private ConvolutionChoice convolutions;

    @Option(names = "--precision", paramLabel = "NAME", converter = PrecisionConverter.class,
            description = "What the factors of convolutions and fully connected layers are rounded to: 'fp32'; on CPU devices also "
                    + "'bf16', where it is faster on this processor, or 'bf16-everywhere', also where it is not (default: fp32).")
    private Precision precision;

    /** @param preferred where neither option decides */
    public Placement placement(Placement preferred) {
        if (devices == null) {
            return placement == null ? preferred : placement;
        }
        int count = devices.split(",", -1).length;
        Placement fitting = count == 1 ? Placement.ONE_DEVICE : count == 2 ? Placement.TWO_TOWERS : null;
        if (fitting == null) {
            throw CommandFailure.usage("--devices " + devices + " names " + count + " devices, but a network runs on one or two");
        }
        if (placement != null && placement != fitting) {
            throw CommandFailure.usage("--placement " + name(placement) + " needs " + Text.count(placement.devices(), "device")
                    + ", but --devices " + devices + " names " + count);
        }
        return fitting;
    }

    /** To train: two towers, unless nobody asks for them and the network cannot be cut. */
    public Placement placement(Network network) {
        Placement chosen = placement(Planner.canPlace(network, Placement.TWO_TOWERS) ? Placement.TWO_TOWERS : Placement.ONE_DEVICE);
        Source.checkPlacement(network, chosen);
        return chosen;
    }

    public Backend open(Placement chosen) {
        return open(chosen, Arithmetic.DEFAULT);
    }

    /** @param otherwise what is not said by the options */
    public Backend open(Placement chosen, Arithmetic otherwise) {
        CpuOptions options = CommandFailure.checked(() -> {
            CpuOptions given = new CpuOptions(threads(), arithmetic(otherwise));
            if (devices != null) {
                Backends.check(devices, given);
            }
            return given;
        });
        Backend backend = devices != null ? Backends.open(devices, options) : Backends.openDefault(chosen.devices(), options);
        List<String> useless = Stream.of(threads == null ? null : "--threads", convolutions == null ? null : "--convolutions")
                .filter(Objects::nonNull).toList();
        if (!useless.isEmpty() && !backend.devices().getFirst().name().equals("cpu")) {
            String opened = backend.description();
            backend.close();
            throw CommandFailure.usage(String.join(" and ", useless) + " would do nothing: no device is a CPU (" + opened + "); leave "
                    + (useless.size() == 1 ? "it" : "them") + " out, or give --devices cpu");
        }
        return backend;
    }

    private Arithmetic arithmetic(Arithmetic otherwise) {
        return new Arithmetic(convolutions == null ? otherwise.convolutions() : convolutions,
                precision == null ? otherwise.precision() : precision);
    }

    /** What was opened, and why if nobody said what. */
    public String describe(Backend backend) {
        return backend.description() + (given() || Backends.noCuda().isEmpty() ? "" : " (no CUDA device: './duet devices' says why)");
    }

    public boolean given() {
        return devices != null;
    }

    public int threads() {
        return threads == null ? 0 : threads;
    }

    /** Of a command that goes on with nothing. */
    public Precision precision() {
        return arithmetic(Arithmetic.DEFAULT).precision();
    }

    /** Whether it matters which devices compute. */
    public boolean saysHow() {
        return threads != null || convolutions != null || precision != null;
    }

    static String name(Placement placement) {
        return placement == Placement.ONE_DEVICE ? "one" : "towers";
    }

    /** {@code fastest}, {@code direct} or {@code winograd}. */
    static final class ConvolutionsConverter implements ITypeConverter<ConvolutionChoice> {
        @Override
        public ConvolutionChoice convert(String text) {
            for (ConvolutionChoice choice : ConvolutionChoice.values()) {
                if (choice.name().toLowerCase(Locale.ROOT).equals(text)) {
                    return choice;
                }
            }
            throw new TypeConversionException("'" + text + "' is neither 'fastest' nor 'direct' nor 'winograd'");
        }
    }

    /** {@code fp32}, {@code bf16} or {@code bf16-everywhere}. */
    static final class PrecisionConverter implements ITypeConverter<Precision> {
        @Override
        public Precision convert(String text) {
            for (Precision precision : Precision.values()) {
                if (precision.toString().equals(text)) {
                    return precision;
                }
            }
            throw new TypeConversionException("'" + text + "' is neither 'fp32' nor 'bf16' nor 'bf16-everywhere'");
        }
    }

    /** {@code one} or {@code towers}. */
    static final class PlacementConverter implements ITypeConverter<Placement> {
        @Override
        public Placement convert(String text) {
            Placement placement = PLACEMENTS.get(text);
            if (placement == null) {
                throw new TypeConversionException("'" + text + "' is neither 'one' nor 'towers'");
            }
            return placement;
        }
    }
}
