package duet.cli.serve;

import java.util.List;

/**
 * What a network saw in a picture, as POST /explain answers it in JSON. Pictures are data URLs of PNG files, one pixel for each number: to
 * be enlarged without smoothing.
 *
 * @param network       its name
 * @param seen          the part of the picture that the network looks at, at its input's size
 * @param filters       of the first layer; null if that is no convolution
 * @param deconvolution what excited a feature; null if nothing did, or it cannot be told here
 * @param notes         sentences: what is missing above, and why
 */
public record Explanation(String network, String seen, Filters filters, Deconvolution deconvolution, List<String> notes) {
    /** Copies the list. */
    public Explanation {
        notes = List.copyOf(notes);
    }

    /**
     * What the filters of the first convolution made of the picture.
     *
     * @param layer   the convolution
     * @param shown   the layer whose output is shown: the ReLU behind the convolution, or the convolution itself where there is none
     * @param kernel  pixels along a filter's side
     * @param height  of an activation map
     * @param width   of an activation map
     * @param white   what is white in the maps, the strongest value of all; black is 0, blue is below
     * @param towers  one; or two where the network is cut in two, each with its own filters
     */
    public record Filters(String layer, String shown, int kernel, int height, int width, float white, List<Tower> towers) {
        /** Copies the list. */
        public Filters {
            towers = List.copyOf(towers);
        }
    }

    /**
     * A tower of the network.
     *
     * @param tower   1 or 2
     * @param share   of everything above 0 in the maps of all towers, 0 to 1; 0 if nothing fired
     * @param filters its filters, the one with the highest value first
     */
    public record Tower(int tower, double share, List<Filter> filters) {
        /** Copies the list. */
        public Tower {
            filters = List.copyOf(filters);
        }
    }

    /**
     * A filter and what it made of the picture.
     *
     * @param filter  its number among all filters of the layer, from 0
     * @param highest value in its map
     * @param mean    over its map, of what is above 0, with 0 for the rest
     * @param fired   the share of its map that is above 0, 0 to 1
     * @param picture the filter, each scaled by itself from black to white
     * @param map     what it made of the picture
     */
    public record Filter(int filter, float highest, double mean, double fired, String picture, String map) {}

    /**
     * What of the picture excited the strongest feature of a layer (Zeiler and Fergus 2013).
     *
     * @param layer      the layer
     * @param layers     that can be asked for instead: all convolutions
     * @param feature    the channel that has the highest value
     * @param y          row of that value in the layer's output
     * @param x          its column
     * @param value      the value
     * @param field      what this unit sees of the network's input
     * @param projection the unit projected back to the input: 0 is grey, the strongest value of either sign black or white
     * @param part       of the projection, the field only
     * @param original   the same part of the picture
     */
    public record Deconvolution(String layer, List<String> layers, int feature, int y, int x, float value, Field field, String projection,
            String part, String original) {
        /** Copies the list. */
        public Deconvolution {
            layers = List.copyOf(layers);
        }
    }

    /**
     * A part of the network's input, in pixels.
     *
     * @param top    first row
     * @param left   first column
     * @param height rows
     * @param width  columns
     */
    public record Field(int top, int left, int height, int width) {}
}
