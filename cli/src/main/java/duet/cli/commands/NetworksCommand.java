package duet.cli.commands;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.cli.options.AblationOptions;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.LayerTable;
import duet.cli.output.Output;
import duet.model.Networks;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.plan.Sharing;
import duet.text.Table;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "networks",
        description = "Lists the named networks, or the layers of one.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet networks",
                "  ./duet networks alexnet",
                "  ./duet networks alexnet-2012 --no-lrn",
                "  ./duet networks alexnet-small --classes 5 --json > mine.json",
                "  ./duet train --net mine.json --data folder:pictures"
        })
public final class NetworksCommand implements Runnable {
    @Mixin
    private Output output;

    @Parameters(index = "0", arity = "0..1", paramLabel = "NAME",
            description = "A named network or a JSON file; with --json it is printed as such a file, over several lines, to be edited.")
    private String name;

    @Option(names = "--channels", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Channels of the images that a named network is made for (default: 3; the small ones 1).")
    private Integer channels;

    @Option(names = "--classes", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Classes that a named network is made for (default: 1000; the small ones and those for CIFAR-10 10).")
    private Integer classes;

    @Mixin
    private AblationOptions ablations;

    @Override
    public void run() {
        if (name == null) {
            if (channels != null || classes != null || ablations.given()) {
                throw CommandFailure.usage("say which network the options are for");
            }
            Networks.names().forEach(this::list);
        } else if (output.json()) {
            output.text(NetworkJson.write(ablations.apply(network())));
        } else {
            print(ablations.apply(network()));
        }
    }

    private Network network() {
        Network usual = Source.network(name);
        if (channels == null && classes == null) {
            return usual;
        }
        if (!Networks.names().contains(name)) {
            throw CommandFailure.usage("--channels and --classes are for named networks; change them in " + name + " itself");
        }
        return Source.network(
                name, channels == null ? usual.input().channels() : channels, classes == null ? usual.classes() : classes);
    }

    private void list(String each) {
        Network network = Source.network(each);
        LayerTable table = LayerTable.of(network);
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("name", each);
            object.put("description", Networks.description(each));
            object.put("input", network.input().toString());
            object.put("classes", network.classes());
            object.put("parameters", table.parameters());
            object.put("flop", table.flop());
            output.object(object);
        } else {
            output.result(each + ": " + Networks.description(each));
            output.result("    " + summary(network, table));
        }
    }

    /** Such as {@code input 3x227x227, 1,000 classes, 60,965,224 parameters, 1.45 GFLOP an image}. */
    static String summary(Network network, LayerTable table) {
        return "input " + network.input() + ", " + Text.count(network.classes()) + " classes, "
                + Text.count(table.parameters(), "parameter")
                + (table.auxiliary() == 0 ? "" : " (" + Text.count(table.auxiliary()) + " of them auxiliary, for training)")
                + ", " + Text.flop(table.flop()) + " an image forward";
    }

    private void print(Network network) {
        LayerTable layers = LayerTable.of(network);
        boolean towers = Planner.canPlace(network, Placement.TWO_TOWERS);
        List<Sharing> sharing = Sharing.of(network, towers ? Placement.TWO_TOWERS : Placement.ONE_DEVICE);
        boolean graph = !network.isChain();
        Table table = new Table("lllrrll");
        table.row("layer", "kind", "output", "parameters", "FLOP", "two towers", graph ? "takes" : "");
        table.row("input", "", network.input().toString(), "", "",
                towers ? "each the whole image" : "not possible", "");
        for (int i = 0; i < sharing.size(); i++) {
            LayerTable.Row row = layers.rows().get(i);
            table.row(row.name(), row.kind(), row.shape().toString(), row.parameters() == 0 ? "" : Text.count(row.parameters()),
                    row.flop() == 0 ? "" : Text.count(row.flop()), towers ? words(sharing.get(i)) : "", takes(network, i));
        }
        output.result(network.name() + ": " + summary(network, layers));
        table.lines().forEach(output::result);
    }

    /** The names of what a layer takes, where that is not the layer before. */
    private static String takes(Network network, int layer) {
        List<String> inputs = network.nodes().get(layer).inputs();
        String before = layer == 0 ? Network.IMAGE : network.nodes().get(layer - 1).name();
        return inputs.equals(List.of(before)) ? "" : String.join(", ", inputs);
    }

    private static String words(Sharing sharing) {
        return switch (sharing) {
            case WHOLE -> "each all of it";
            case HALF -> "each its half";
            case HALF_OF_BOTH -> "each its half, halves exchanged before";
            case PARTIAL_SUMS -> "half sums, exchanged";
            case FIRST_DEVICE -> "the first";
            case SHARE -> "each its share";
        };
    }
}
