package duet.cli.options;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

import duet.cli.output.CommandFailure;
import duet.cli.output.Processes;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.device.ranks.MpiRanks;
import duet.device.ranks.RankedBackend;
import duet.net.Network;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.text.Text;
import duet.train.schedule.Parts;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which devices compute, and which part each of them holds. */
@Heading(Heading.DEVICES)
public final class DeviceOptions {
    /** Without a word about devices, of those that can be any number. */
    private static final int USUAL_DEVICES = 2;

    @Option(names = "--devices", paramLabel = "LIST",
            description = "Devices, separated by commas: 'cpu', 'cpu,cpu', 'cuda:0,cuda:1', 'cuda:0,cuda:0' (two on one card), "
                    + "'virtual:0,virtual:1' (default: CUDA if there is a card, else the CPU, as many as "
                    + "the placement needs; './duet devices' shows which).")
    private String devices;

    @Option(names = "--placement", paramLabel = "NAME", converter = Way.Converter.class,
            description = "'one': everything on one device; 'towers': each of two devices holds half of every layer, as in the "
                    + "paper; 'halves': the upper half of every image and map on one device, the lower on another; 'data': each device "
                    + "computes some of the images of a batch; 'hybrid': so do convolutions, and each device holds some of the outputs of "
                    + "the fully connected layers; 'data,towers', 'data,halves', 'data,hybrid': groups of devices, each as the second word "
                    + "says, compute some of the images (groups of two; of data,hybrid under mpirun the devices of a process). "
                    + "'./duet plan --compare' shows what each costs (default: what fits --devices: one, two "
                    + "towers, or halves where a network cannot be cut so, or data; without it towers to train a network that can be cut "
                    + "in two, one otherwise).")
    private Way way;

    @Option(names = "--parts", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Parts of a batch with --placement data or hybrid: the same number gives the same bits on any number of devices, "
                    + "or groups of them (default: one for each).")
    private Integer parts;

    @Option(names = "--rounds", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "With --placement hybrid or data,hybrid: compute fully connected layers in N rounds, each of 1/N of a batch, "
                    + "while the inputs of the next round travel. Weights are still updated once a step; another number of rounds adds in "
                    + "another order (default: 1).")
    private Integer rounds;

    @Option(names = "--threads", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Threads in all, shared out among CPU devices (default: one for each core).")
    private Integer threads;

    @Option(names = "--convolutions", paramLabel = "WAY", converter = ConvolutionsConverter.class,
            description = "How CPU devices compute convolutions: 'fastest' chooses for each layer, 'direct' and 'winograd' (where it "
                    + "applies) do not; './duet plan --devices cpu' shows the choice (default: fastest).")
    private ConvolutionChoice convolutions;

    @Option(names = "--precision", paramLabel = "NAME", converter = PrecisionConverter.class,
            description = "What the factors of convolutions and fully connected layers are rounded to: 'fp32'; on CPU devices also "
                    + "'bf16', where it is faster on this processor, or 'bf16-everywhere', also where it is not; on CUDA devices, with "
                    + "tensor cores, 'bf16', 'bf16x3' (more exact than TF32) or 'bf16x6' (as exact as fp32) (default: fp32).")
    private Precision precision;

    @Mixin
    private RankOptions together;

    private int ranks = 1;
    private boolean apart;

    /**
     * What the options say, for a network that must allow it.
     *
     * @param preferred where no option decides
     */
    public Placement placement(Network network, Placement preferred) {
        Placement chosen = said(network, preferred);
        Source.checkPlacement(network, chosen);
        return chosen;
    }

    private Placement said(Network network, Placement preferred) {
        boolean together = processes() > 1;
        if (way == null && devices == null && parts == null && rounds == null && !together) {
            return preferred;
        }
        int count = count();
        Way chosen = way != null ? way : rounds != null ? Way.HYBRID : parts != null || together ? Way.DATA : count == 1 ? Way.ONE
                : count == 2 ? pair(network) : Way.DATA;
        PlacementRequest request = request();
        Placement placement = request.placement(chosen);
        request.check(chosen, placement, together || devices != null);
        return placement;
    }

    private PlacementRequest request() {
        int count = count();
        String there = processes() > 1 ? processes() + " processes have " + count : "--devices " + devices + " names " + count;
        return new PlacementRequest(count, there, processes(), parts, rounds);
    }

    /** All that could be compared: on as many devices as are named, or as --parts allows. */
    public List<Placement> placements() {
        if (way != null) {
            throw CommandFailure.usage("--compare compares all placements; leave --placement out");
        }
        return request().all();
    }

    /** Of all processes. */
    private int count() {
        return count(way != null && way.inGroups() ? USUAL_DEVICES : 1);
    }

    /** @param least of a process */
    private int count(int least) {
        int processes = processes();
        int usual = Math.max(least, processes > 1 ? 1 : USUAL_DEVICES);
        return processes * (devices == null ? usual : devices.split(",", -1).length);
    }

    /** Those that there are, or that a plan is made for. */
    private int processes() {
        return apart ? 1 : Processes.size() * ranks;
    }

    /** Each process has the whole network, on devices of its own: what is said of devices and placements is said of each. */
    public void setApart() {
        apart = true;
    }

    /** @param ranks processes that a plan is made for; they need not be there */
    public void setRanks(int ranks) {
        this.ranks = ranks;
    }

    /** Two devices are towers for every network that can be cut so. */
    private static Way pair(Network network) {
        boolean halves = !Planner.canPlace(network, Placement.TWO_TOWERS) && Planner.canPlace(network, Placement.HALVES);
        return halves ? Way.HALVES : Way.TOWERS;
    }

    /**
     * To go on with a training: in the parts that it had, unless something else is said, on the devices that there are now.
     *
     * @param begun as the checkpoint has it, or null
     */
    public Placement placement(Network network, Parts begun) {
        if (begun == null || way != null || parts != null || rounds != null) {
            return placement(network);
        }
        int size = begun.devicesOfGroup();
        int count = count(size);
        if (count % size != 0) { // other devices, and a placement that fits them, with a warning
            return placement(network);
        }
        int units = count / size;
        Parts parted = Placement.goesOn(units, begun.parts()) ? begun : begun.in(units); // in other parts with a warning
        Placement chosen = CommandFailure.checked(() -> parted.on(units));
        Source.checkPlacement(network, chosen);
        return chosen;
    }

    /** To train: two towers, unless nobody asks for them and the network cannot be cut. */
    public Placement placement(Network network) {
        return placement(network, Planner.canPlace(network, Placement.TWO_TOWERS) ? Placement.TWO_TOWERS : Placement.ONE_DEVICE);
    }

    public Backend open(Placement chosen) {
        return open(chosen, Arithmetic.DEFAULT);
    }

    /** @param otherwise what is not said by the options */
    public Backend open(Placement chosen, Arithmetic otherwise) {
        CpuOptions options = checked(otherwise);
        together.check();
        Backend backend = Processes.size() == 1 ? alone(chosen, options, 0) : apart ? apart(chosen, options) : together(chosen, options);
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

    /** That there could be such devices; whether they are there is not looked for. */
    public void check() {
        checked(Arithmetic.DEFAULT);
    }

    private CpuOptions checked(Arithmetic otherwise) {
        return CommandFailure.checked(() -> {
            CpuOptions given = new CpuOptions(threads(), arithmetic(otherwise));
            if (devices != null) {
                Backends.check(devices, given);
            }
            return given;
        });
    }

    private Backend alone(Placement chosen, CpuOptions options, int place) {
        return devices != null ? Backends.open(devices, options) : Backends.openDefault(chosen.devices(), options, place);
    }

    private Backend apart(Placement chosen, CpuOptions options) {
        MpiRanks processes = together.join();
        Backend backend = alone(chosen, options.withThreads(RankOptions.threads(processes, options.threads())), processes.place());
        try {
            RankedBackend.requireAlike(backend, processes);
            return backend;
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    private Backend together(Placement chosen, CpuOptions options) {
        MpiRanks processes = together.join();
        return RankedBackend.open(devices, chosen.devices() / processes.size(),
                options.withThreads(RankOptions.threads(processes, options.threads())), processes);
    }

    private Arithmetic arithmetic(Arithmetic otherwise) {
        return new Arithmetic(convolutions == null ? otherwise.convolutions() : convolutions,
                precision == null ? otherwise.precision() : precision);
    }

    /** What was opened, and why if nobody said what. */
    public String describe(Backend backend) {
        String bound = Processes.size() > 1 && MpiRanks.bound()
                ? "; mpirun lets this process use " + Text.count(Runtime.getRuntime().availableProcessors(), "core")
                        + " of its own: --bind-to none gives it all that are there"
                : "";
        return (apart && Processes.size() > 1 ? RankedBackend.describe(backend, Processes.joined()) : backend.description()) + bound
                + (given() || Backends.noCuda().isEmpty() ? "" : " (no CUDA device: './duet devices' says why)");
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

    /** The names of {@link Precision}. */
    public static final class PrecisionConverter implements ITypeConverter<Precision> {
        @Override
        public Precision convert(String text) {
            try {
                return Precision.named(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
