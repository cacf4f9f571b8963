package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;

/**
 * The one order in which what several lanes have computed is added up, so that the sum has the same bits on any number of devices. For
 * odd * 2^t lanes: blocks of 2^t, each a binary tree, then the blocks from the first to the last. A device that has an aligned run of
 * lanes adds its own first and changes nothing.
 */
final class Sums {
    private Sums() {}

    /** Adds up terms in this order. */
    static <T> T of(List<T> terms, BinaryOperator<T> add) {
        int block = Integer.lowestOneBit(terms.size());
        T sum = tree(terms.subList(0, block), add);
        for (int first = block; first < terms.size(); first += block) {
            sum = add.apply(sum, tree(terms.subList(first, first + block), add));
        }
        return sum;
    }

    private static <T> T tree(List<T> terms, BinaryOperator<T> add) {
        int half = terms.size() / 2;
        return half == 0 ? terms.getFirst()
                : add.apply(tree(terms.subList(0, half), add), tree(terms.subList(half, terms.size()), add));
    }

    /** The numbers of devices on which each device's lanes are an aligned run: 1, and odd * 2^u up to the number of lanes. */
    static List<Integer> devices(int lanes) {
        int block = Integer.lowestOneBit(lanes);
        List<Integer> devices = new ArrayList<>();
        if (lanes != block) {
            devices.add(1);
        }
        for (int blocks = 1; blocks <= block && blocks > 0; blocks *= 2) {
            devices.add(lanes / block * blocks);
        }
        return List.copyOf(devices);
    }
}
