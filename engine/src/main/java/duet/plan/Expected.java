package duet.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Term.Kind;

/**
 * What the values of a network and their gradients are, as terms: what a plan must come to, wherever it computes it. A layer that does
 * nothing makes what it takes. The gradient of what several layers take is the sum of what they give, the last layer first: e1 + (e2 + e3);
 * the inputs of one layer from the last to the first.
 */
final class Expected {
    private final Network network;
    private final boolean training;
    private final boolean dropout;
    private final Terms terms;
    private final Map<String, Integer> indices = new HashMap<>();
    private final List<List<Integer>> inputs = new ArrayList<>();
    private final List<Shape> shapes;
    private final List<Boolean> leads = new ArrayList<>();
    private final List<Term> values = new ArrayList<>();
    private final Term[] gradients;

    /** @param dropout whether dropout layers do anything */
    Expected(Network network, boolean training, boolean dropout, Terms terms) {
        this.network = network;
        this.training = training;
        this.dropout = dropout;
        this.terms = terms;
        shapes = network.shapes();
        gradients = new Term[shapes.size()];
        indices.put(Network.IMAGE, -1);
        for (int node = 0; node < shapes.size(); node++) {
            inputs.add(network.nodes().get(node).inputs().stream().map(indices::get).toList());
            indices.put(network.nodes().get(node).name(), node);
            leads.add(layer(node) instanceof Layer.Weighted || inputs.get(node).stream().anyMatch(this::leads));
            values.add(made(node));
        }
        if (training) {
            gradients();
        }
    }

    private Term made(int node) {
        List<Term> taken = inputs(node).stream().map(this::value).toList();
        if (layer(node) instanceof Layer.Addition) {
            return taken.stream().reduce(terms::sum).orElseThrow();
        }
        return idle(node) ? taken.getFirst() : terms.leaf(Kind.VALUE, node);
    }

    private void gradients() {
        List<List<Term>> given = new ArrayList<>(Collections.nCopies(shapes.size(), List.of()));
        given.replaceAll(_ -> new ArrayList<>());
        for (int node = shapes.size() - 1; node >= 0; node--) {
            gradients[node] = given.get(node).stream().reduce((sum, own) -> terms.sum(own, sum)).orElse(null);
            if (gradients[node] != null || layer(node) instanceof Layer.SoftmaxCrossEntropy) {
                for (int slot = 0; slot < inputs(node).size(); slot++) {
                    int from = inputs(node).get(slot);
                    if (leads(from)) {
                        given.get(from).add(layer(node) instanceof Layer.Addition || idle(node) ? gradients[node]
                                : terms.leaf(Kind.EDGE, node, slot));
                    }
                }
            }
        }
    }

    /** Whether it is a dropout layer that makes what it takes. */
    private boolean idle(int node) {
        return layer(node) instanceof Layer.Dropout l && (!dropout || l.rate() == 0 || !training && keeps(l) == 1);
    }

    /** Whether it is a dropout layer that multiplies by a constant, which is evaluation's way. */
    boolean scales(int node) {
        return layer(node) instanceof Layer.Dropout && !training && !idle(node);
    }

    /** What an evaluation multiplies by. */
    static float keeps(Layer.Dropout l) {
        return l.inverted() ? 1 : (float) (1 - l.rate());
    }

    /** Whether a gradient goes there: it has parameters, or comes behind some. */
    private boolean leads(int node) {
        return node >= 0 && leads.get(node);
    }

    /** Of a layer, -1 for the image; null if there is none of this name. */
    Integer index(String name) {
        return indices.get(name);
    }

    Layer layer(int node) {
        return network.nodes().get(node).layer();
    }

    int nodes() {
        return shapes.size();
    }

    List<Integer> inputs(int node) {
        return inputs.get(node);
    }

    /** Of one image; -1 is the image. */
    Shape shape(int node) {
        return node < 0 ? network.input() : shapes.get(node);
    }

    /** What a layer with one input takes. */
    Shape input(int node) {
        return shape(inputs(node).getFirst());
    }

    /** What a layer makes; -1 is the image. */
    Term value(int node) {
        return node < 0 ? terms.leaf(Kind.VALUE, -1) : values.get(node);
    }

    /** What a layer with one input takes. */
    Term taken(int node) {
        return value(inputs(node).getFirst());
    }

    /** Of what a layer makes; null if there is none. */
    Term gradient(int node) {
        return gradients[node];
    }

    /** The layer that takes what another makes, if only one does and once; else -1. */
    int onlyUser(int node) {
        int user = -1;
        for (int other = 0; other < inputs.size(); other++) {
            for (int from : inputs.get(other)) {
                if (from == node) {
                    if (user >= 0) {
                        return -1;
                    }
                    user = other;
                }
            }
        }
        return user;
    }
}
