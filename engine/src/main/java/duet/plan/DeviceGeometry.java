package duet.plan;

import duet.device.ConvolutionGeometry;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.SpatialNorm;
import duet.net.Layer;

/** The numbers of an operation on one device. */
final class DeviceGeometry {
    private DeviceGeometry() {}

    static ConvolutionGeometry convolution(Division division, Layer.Convolution l, int devices) {
        boolean grouped = division.work() == Division.Work.GROUPS;
        int channels = grouped ? division.input().channels() / devices : division.input().channels();
        return new ConvolutionGeometry(channels, division.input().height(), division.input().width(), l.filters() / devices, l.kernel(),
                l.stride(), l.padding(), division.groups(devices), division.output().height(), division.output().width());
    }

    static PoolingGeometry pooling(Division division, Layer.Pooling l, int devices) {
        int channels = division.inputSplit() ? division.input().channels() / devices : division.input().channels();
        return new PoolingGeometry(channels, division.input().height(), division.input().width(), l.window(), l.stride(), l.padding(),
                division.output().height(), division.output().width());
    }

    static ResponseNorm norm(Division division, Layer.LocalResponseNorm l, int devices) {
        int groups = division.inputSplit() ? l.groups() / devices : l.groups();
        return new ResponseNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k(), groups);
    }

    /** Maps do not mix, so that the placement does not matter. */
    static SpatialNorm norm(Layer.SpatialResponseNorm l) {
        return new SpatialNorm(l.size(), (float) l.alpha(), (float) l.beta(), (float) l.k());
    }
}
