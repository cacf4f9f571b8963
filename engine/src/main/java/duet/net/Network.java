package duet.net;

import java.util.ArrayList;
import java.util.List;

import duet.text.Suggestion;

/**
 * What to compute: a chain of layers from an image to class probabilities. Always valid: the constructor checks names, values
 * and shapes and throws {@link NetworkException} with a sentence that names the layer and the numbers.
 *
 * @param name       for messages and lists
 * @param input      the image that the first layer sees
 * @param inputScale pixels (0 to 255, less the mean image) are multiplied by this
 * @param layers     the last one is the only {@link Layer.SoftmaxCrossEntropy}
 */
public record Network(String name, Shape input, double inputScale, List<Layer> layers) {
    /** Throws a {@link NetworkException} if the layers do not fit together. */
    public Network {
        layers = List.copyOf(layers);
        Shapes.infer(name, input, layers);
        Shapes.checkInputScale(inputScale);
    }

    /** {@return for each layer what it makes of one image, in order} */
    public List<Shape> shapes() {
        return Shapes.infer(name, input, layers);
    }

    /** {@return the parameters of all layers, weight before bias: the order of checkpoints and of a plan} */
    public List<ParameterShape> parameters() {
        List<ParameterShape> parameters = new ArrayList<>();
        List<Shape> shapes = shapes();
        for (int i = 0; i < layers.size(); i++) {
            if (layers.get(i) instanceof Layer.Weighted layer) {
                parameters.addAll(layer.parameters(i == 0 ? input : shapes.get(i - 1)));
            }
        }
        return List.copyOf(parameters);
    }

    /**
     * {@return a layer by its name}
     *
     * @param layerName such as {@code conv1}
     * @throws NetworkException with the nearest name if there is none
     */
    public Layer layer(String layerName) {
        return layers.stream().filter(layer -> layer.name().equals(layerName)).findFirst().orElseThrow(() -> new NetworkException(
                name + " has no layer " + layerName + "; " + Suggestion.of(layerName, layers.stream().map(Layer::name).toList())));
    }

    /**
     * {@return what a layer makes of one image}
     *
     * @param layerName such as {@code conv1}
     */
    public Shape shape(String layerName) {
        return shapes().get(layers.indexOf(layer(layerName)));
    }

    /** {@return the number of classes: what the last layer sees} */
    public int classes() {
        return shapes().getLast().channels();
    }
}
