package duet.model;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

import duet.net.Network;
import duet.net.NetworkException;

/** One change to a network, whose effect the paper (or the original code) measured. The changed network's name says what was done. */
public enum Ablation {
    /** No normalisation of any kind (section 3.3; net 148 of the original code: 1.4 points of top-1). */
    NO_LRN {
        @Override
        Network change(Network network) {
            return Ablations.withoutNorms(network);
        }
    },
    /**
     * Pooling windows as wide as their stride (section 3.4: 0.4 points; net 147). Padding goes, and sizes are rounded up or down so that
     * the output keeps its size where either does that; net 147 got there by other paddings of conv2 and conv5.
     */
    NON_OVERLAPPING_POOLING {
        @Override
        Network change(Network network) {
            return Ablations.withoutOverlap(network);
        }
    },
    /**
     * One column of half the width (section 3.2: 1.7 points; the original's net 145-half): half the kernels in every convolution but the
     * last, which, as the fully connected layers, keeps its width, because most parameters are there; one group everywhere.
     */
    ONE_COLUMN {
        @Override
        Network change(Network network) {
            return Ablations.oneColumn(network);
        }
    },
    /**
     * The columns meet in the scores only (net 150 of the original code: 1.2 points): convolutions of one group after the first get two,
     * and the hidden fully connected layers become convolutions of two groups that cover their whole input. To keep the number of
     * parameters, net 150 has a quarter more kernels before the first cut convolution and twice as many outputs of fc6; so has this.
     */
    NO_COMMUNICATION {
        @Override
        Network change(Network network) {
            return Ablations.withoutCommunication(network);
        }
    },
    /** tanh in place of every ReLU (section 3.1, figure 1). */
    TANH {
        @Override
        Network change(Network network) {
            return Ablations.withTanh(network);
        }
    };

    abstract Network change(Network network);

    /** {@return what the name of a changed network ends with, such as {@code no-lrn}} */
    public String suffix() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * {@return the network with this change and -SUFFIX at the end of its name}
     *
     * @param network any
     * @throws duet.net.NetworkException if there is nothing to change, or the network does not allow it
     */
    public Network apply(Network network) {
        Network changed = change(network);
        if (changed.nodes().equals(network.nodes())) {
            throw new NetworkException("network " + network.name() + ": " + suffix() + " changes nothing in it");
        }
        return changed.named(network.name() + "-" + suffix());
    }

    /**
     * {@return the name without what {@link #apply} put at its end: the network that was changed}
     *
     * @param name of a network, changed or not
     */
    public static String original(String name) {
        List<String> suffixes = Arrays.stream(values()).map(ablation -> "-" + ablation.suffix())
                .sorted(Comparator.comparingInt(String::length).reversed()).toList();
        String original = name;
        for (int i = 0; i < suffixes.size(); i++) {
            if (original.endsWith(suffixes.get(i)) && original.length() > suffixes.get(i).length()) {
                original = original.substring(0, original.length() - suffixes.get(i).length());
                i = -1;
            }
        }
        return original;
    }
}
