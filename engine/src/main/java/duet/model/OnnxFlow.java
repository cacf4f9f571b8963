package duet.model;

import duet.net.Shape;

/**
 * A computed value of an ONNX graph, and in which form it lies there.
 *
 * @param value        what makes it in Duet's network
 * @param channelsLast whether it is [N][height][width][channels]
 * @param flat         whether it is [N][elements]
 * @param groups       more than 1 where groups of channels lie side by side in the batch
 * @param softmax      whether the values are probabilities already
 */
record OnnxFlow(ImportedLayers.Value value, boolean channelsLast, boolean flat, int groups, boolean softmax) {
    Shape shape() {
        return value.shape();
    }

    /** What a layer makes of it, in the same form. */
    OnnxFlow to(ImportedLayers.Value next) {
        return new OnnxFlow(next, channelsLast, flat, groups, softmax);
    }

    OnnxFlow flattened() {
        return new OnnxFlow(value, channelsLast, true, groups, softmax);
    }

    OnnxFlow map() {
        return new OnnxFlow(value, channelsLast, false, groups, softmax);
    }

    OnnxFlow withGroups(int number) {
        return new OnnxFlow(value, channelsLast, flat, number, softmax);
    }

    OnnxFlow withChannelsLast(boolean last) {
        return new OnnxFlow(value, last, flat, groups, softmax);
    }

    OnnxFlow ended() {
        return new OnnxFlow(value, channelsLast, flat, groups, true);
    }
}
