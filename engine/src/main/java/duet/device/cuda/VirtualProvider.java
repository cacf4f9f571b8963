package duet.device.cuda;

/** Devices {@code virtual:0}, {@code virtual:1}, ...: the virtual GPU in the place of a driver. For tests, so never the default. */
public final class VirtualProvider extends CudaProvider {
    @Override
    public String kind() {
        return "virtual";
    }

    @Override
    public int preference() {
        return -1;
    }
}
