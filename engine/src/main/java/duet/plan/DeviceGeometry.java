package duet.plan;

import duet.device.Axis;
import duet.device.ConvolutionGeometry;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.SpatialNorm;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.Placement.Work;

/** The numbers of an operation on one lane. */
final class DeviceGeometry {
    private DeviceGeometry() {}

    static ConvolutionGeometry convolution(Division division, Layer.Convolution l, int lane) {
        Shape seen = division.seen().shape(lane, division.input());
        Shape made = division.made().shape(lane, division.output());
        int groups = division.work() == Work.GROUPS ? l.groups() * made.channels() / l.filters() : l.groups();
        return new ConvolutionGeometry(seen.channels(), seen.height(), seen.width(), made.channels(), l.kernel(), l.stride(), l.padding(),
                paddingTop(division, l.padding(), l.stride(), lane), groups, made.height(), made.width());
    }

    static PoolingGeometry pooling(Division division, Layer.Pooling l, int lane) {
        Shape seen = division.seen().shape(lane, division.input());
        Shape made = division.made().shape(lane, division.output());
        return new PoolingGeometry(seen.channels(), seen.height(), seen.width(), l.window(), l.stride(), l.padding(),
                paddingTop(division, l.padding(), l.stride(), lane), made.height(), made.width());
    }

    /** Rows above what the lane sees that its first window reaches over; only at the image's own edge. */
    private static int paddingTop(Division division, int padding, int stride, int lane) {
        return division.seen().first(Axis.ROWS, lane) + padding - division.made().first(Axis.ROWS, lane) * stride;
    }

    static ResponseNorm norm(Division division, Layer.LocalResponseNorm l, int lane) {
        int channels = division.seen().shape(lane, division.input()).channels();
        return new ResponseNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k(),
                l.groups() * channels / division.input().channels());
    }

    /** Maps do not mix, so that the placement does not matter. */
    static SpatialNorm norm(Layer.SpatialResponseNorm l) {
        return new SpatialNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k());
    }
}
