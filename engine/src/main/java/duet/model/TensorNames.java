package duet.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import duet.net.Network;
import duet.net.ParameterShape;

/**
 * Which tensor of a file is which parameter of a network.
 *
 * @param names       the file's name of each parameter
 * @param torchvision whether they are those of torchvision's AlexNet
 * @param notes       sentences for people: what was assumed
 */
record TensorNames(Map<String, String> names, boolean torchvision, List<String> notes) {
    private static final Pattern TORCHVISION = Pattern.compile("(?:.*\\.)?(features|classifier)\\.(\\d+)\\.(weight|bias)");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");
    private static final int MOST_NAMED = 5;
    /** What a checkpoint of Duet holds besides the weights. */
    private static final Pattern OF_TRAINING = Pattern.compile("(momentum|input)\\..*");

    static TensorNames of(Path file, Network network, Map<String, Safetensors.Entry> all) {
        Map<String, Safetensors.Entry> entries = new LinkedHashMap<>(all);
        entries.keySet().removeIf(name -> OF_TRAINING.matcher(name).matches());
        List<ParameterShape> parameters = network.parameters();
        List<Safetensors.Entry> torchvision = inOrder(
                entries.values().stream().filter(entry -> TORCHVISION.matcher(entry.name()).matches()).toList());
        Map<String, String> names = byName(parameters, entries);
        boolean sequential = names == null && torchvision.size() == parameters.size();
        if (sequential) {
            names = inTurn(parameters, torchvision);
        }
        List<String> notes = new ArrayList<>();
        if (names == null) {
            names = bySize(parameters, inOrder(entries.values()));
            if (names != null) {
                notes.add("the tensors have other names than Duet's or torchvision's and are taken in order, since all sizes fit: "
                        + shortened(names.entrySet().stream().map(name -> name.getKey() + " is " + name.getValue()).toList()));
            }
        }
        if (names == null) {
            throw new ModelFileException("%s: its tensors are not those of %s: %s are wanted, there are %s".formatted(file, network.name(),
                    shortened(parameters.stream().map(p -> p.name() + " " + p.sizes()).toList()),
                    shortened(inOrder(entries.values()).stream().map(TensorNames::described).toList())));
        }
        List<Safetensors.Entry> left = new ArrayList<>(entries.values());
        Collection<String> taken = names.values();
        left.removeIf(entry -> taken.contains(entry.name()));
        refuseLayers(file, network, left);
        if (!left.isEmpty()) {
            notes.add("left out, since " + network.name() + " has no such parameters: "
                    + shortened(left.stream().map(TensorNames::described).toList()));
        }
        return new TensorNames(names, sequential, notes);
    }

    /** By the last part, weight or bias, and the name of the layer anywhere before it; null unless all are found, each once. */
    private static Map<String, String> byName(List<ParameterShape> parameters, Map<String, Safetensors.Entry> entries) {
        Map<String, String> names = new LinkedHashMap<>();
        for (ParameterShape parameter : parameters) {
            List<String> found = called(parameter.name(), entries.keySet());
            if (found.size() != 1) {
                return null;
            }
            names.put(parameter.name(), found.getFirst());
        }
        return names;
    }

    /** The names that may be a parameter's: its own, else those that have its layer's among their parts and end alike. */
    static List<String> called(String parameter, Collection<String> names) {
        return names.contains(parameter) ? List.of(parameter)
                : names.stream().filter(name -> !OF_TRAINING.matcher(name).matches() && isOf(name, parameter)).toList();
    }

    private static boolean isOf(String name, String parameter) {
        List<String> parts = Arrays.asList(parameter.split("\\."));
        List<String> of = Arrays.asList(name.split("\\."));
        return of.getLast().equals(parts.getLast()) && of.subList(0, of.size() - 1).contains(parts.getFirst());
    }

    private static Map<String, String> inTurn(List<ParameterShape> parameters, List<Safetensors.Entry> entries) {
        Map<String, String> names = new LinkedHashMap<>();
        for (int i = 0; i < parameters.size(); i++) {
            names.put(parameters.get(i).name(), entries.get(i).name());
        }
        return names;
    }

    /** Tensors whose sizes are those of all parameters, one after the other, others between them; null if there are none. */
    private static Map<String, String> bySize(List<ParameterShape> parameters, List<Safetensors.Entry> entries) {
        List<Safetensors.Entry> fitting = new ArrayList<>();
        for (Safetensors.Entry entry : entries) {
            if (fitting.size() < parameters.size() && fits(parameters.get(fitting.size()), entry)) {
                fitting.add(entry);
            }
        }
        return fitting.size() == parameters.size() ? inTurn(parameters, fitting) : null;
    }

    private static boolean fits(ParameterShape parameter, Safetensors.Entry entry) {
        return entry.shape().equals(parameter.sizes().stream().map(Integer::longValue).toList());
    }

    /** A counter or a decay more does no harm; weights of a layer more are another network. */
    private static void refuseLayers(Path file, Network network, List<Safetensors.Entry> left) {
        for (Safetensors.Entry entry : left) {
            boolean statistics = entry.name().endsWith("running_mean") || entry.name().endsWith("running_var");
            if (statistics || entry.shape().size() > 1) {
                throw new ModelFileException("%s: has %s, %s".formatted(file, described(entry), statistics
                        ? "of batch normalisation, which Duet has no layer for" : "which is no parameter of " + network.name()));
            }
        }
    }

    /** By the parts of their names, numbers by value; features before classifier, weight before bias. */
    static List<Safetensors.Entry> inOrder(Collection<Safetensors.Entry> entries) {
        return entries.stream().sorted(Comparator.comparing((Safetensors.Entry entry) -> key(entry.name()))).toList();
    }

    private static String key(String name) {
        String padded = NUMBER.matcher(name).replaceAll(match -> "0".repeat(9 - match.group().length()) + match.group());
        return padded.replace("features.", "\u0001.").replace("classifier.", "\u0002.").replaceAll("weight$", "\u0001");
    }

    private static String described(Safetensors.Entry entry) {
        return entry.name() + " " + entry.shape();
    }

    private static String shortened(List<String> all) {
        return String.join(", ", all.subList(0, Math.min(MOST_NAMED, all.size())))
                + (all.size() > MOST_NAMED ? " and " + (all.size() - MOST_NAMED) + " more" : "");
    }
}
