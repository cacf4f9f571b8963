package duet.device.cuda.lowering;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Precision;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * The network's input in the packed form of a first layer (see {@link PackedImage}), where such layers are all that reads it: it is made
 * so, and in no other form. Behind the images lies the packed filter of the layer, where it is one, and no step changes the filter before
 * it is used.
 *
 * @param image  the form
 * @param filter what is packed beside the images; null for nothing
 */
record PackedInput(PackedImage image, Tensor filter) {
    /** Numbers that a block of the kernel has room for. */
    static final int BLOCK = 4096;

    /** A step, and where it stands. */
    private record Place(int stream, int index, Step step) {
        Operation operation() {
            return step instanceof Step.Launch launch ? launch.operation() : null;
        }

        boolean before(Place other) {
            return stream == other.stream && index < other.index;
        }
    }

    /**
     * {@return of a program, each input that is packed}
     *
     * @param streams of all devices, or of those that have a tensor's readers and writers
     */
    static Map<Tensor, PackedInput> of(List<StreamSteps> streams, Precision precision) {
        Map<Tensor, PackedInput> inputs = new HashMap<>();
        if (precision != Precision.BF16) {
            return inputs;
        }
        List<Place> places = new ArrayList<>();
        for (int stream = 0; stream < streams.size(); stream++) {
            List<Step> steps = streams.get(stream).steps();
            for (int i = 0; i < steps.size(); i++) {
                places.add(new Place(stream, i, steps.get(i)));
            }
        }
        for (Place place : places) {
            if (place.operation() instanceof PrepareInput prepare && Stored.of(prepare.output(), precision) == Stored.BF16) {
                of(prepare.output(), place, places).ifPresent(input -> inputs.put(prepare.output(), input));
            }
        }
        return inputs;
    }

    private static Optional<PackedInput> of(Tensor input, Place prepared, List<Place> places) {
        List<Place> readers = places.stream().filter(place -> place.step().reads().contains(input)).toList();
        List<PackedImage> forms = readers.stream().map(place -> form(place.operation(), input)).toList();
        boolean alike = !forms.isEmpty() && forms.stream().allMatch(form -> form != null && form.sameImage(forms.getFirst()));
        boolean once = places.stream().filter(place -> place.step().writes().contains(input)).count() == 1;
        if (!alike || !once || forms.getFirst().depth() > BLOCK) {
            return Optional.empty();
        }
        List<Place> forward = readers.stream().filter(place -> place.operation() instanceof ConvolutionForward).toList();
        PackedImage form = forward.isEmpty() ? forms.getFirst() : form(forward.getFirst().operation(), input);
        return Optional.of(new PackedInput(form, forward.size() == 1 ? filter(forward.getFirst(), prepared, places) : null));
    }

    /** The form in which an operation reads an image; null where it has none, or reads it in another way. */
    private static PackedImage form(Operation operation, Tensor image) {
        return switch (operation) {
            case ConvolutionForward o when o.input().equals(image) -> PackedImage.of(ProductShape.of(o));
            case ConvolutionBackwardWeights o when o.input().equals(image) && !o.outputGradient().equals(image) ->
                PackedImage.of(ProductShape.of(o));
            case null, default -> null;
        };
    }

    /** The filter of the layer, if it is the same when the images are prepared. */
    private static Tensor filter(Place layer, Place prepared, List<Place> places) {
        Tensor weight = ((ConvolutionForward) layer.operation()).weight();
        boolean same = prepared.before(layer) && places.stream().filter(place -> place.step().writes().contains(weight))
                .allMatch(layer::before);
        return same ? weight : null;
    }

    /** Images in the kernels' order as they lie packed; a filter beside them is left zero. */
    short[] pack(short[] words) {
        short[] packed = new short[Math.toIntExact(bytes() / Short.BYTES)];
        image.pixels((plain, at) -> packed[at] = words[plain]);
        return packed;
    }

    /** What {@link #pack} is the inverse of; pixels that no window reaches are zero. */
    short[] unpack(short[] packed) {
        short[] words = new short[image.pixels((_, _) -> {})];
        image.pixels((plain, at) -> words[plain] = packed[at]);
        return words;
    }

    long bytes() {
        return image.imageBytes() + (filter == null ? 0 : image.filterBytes());
    }

    /** Where the packed filter lies behind the images. */
    long filterAddress(long input) {
        return input + image.imageBytes();
    }
}
