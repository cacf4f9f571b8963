package duet.device.cuda;

import java.util.List;
import java.util.Locale;

import duet.bindings.CudaLibrary.Kind;
import duet.device.DeviceException;
import duet.device.DeviceInfo;
import duet.device.Precision;
import duet.device.cuda.driver.CudaCard;
import duet.device.cuda.driver.CudaDevice;

/** CUDA devices in words. */
final class CudaWords {
    static final String NO_KERNELS = "this build has no CUDA kernels, because it found no nvcc; build with CUDA 13 on the PATH, "
            + "or use --devices cpu";

    private CudaWords() {}

    /** Of a device that is not among the first so many of its kind. */
    static DeviceException missing(String kindName, int ordinal, int count) {
        return new DeviceException(kindName + ":" + ordinal + " does not exist; there " + (count == 1 ? "is " : "are ") + kindName + ":0"
                + (count == 1 ? "" : " to " + kindName + ":" + (count - 1)));
    }

    /** @param peers whether cards reach each other's memory */
    static String description(Kind kind, List<CudaDevice> devices, Precision precision, boolean peers) {
        List<CudaCard> cards = devices.stream().map(device -> device.card).distinct().toList();
        StringBuilder text = new StringBuilder();
        text.append(devices.size()).append(kind == Kind.VIRTUAL ? " virtual CUDA device" : " CUDA device")
                .append(devices.size() == 1 ? "" : "s");
        text.append(devices.size() > cards.size() ? " on one card: " : ": ");
        text.append(String.join(", ", cards.stream().map(card -> card.model).distinct().toList()));
        if (precision != Precision.FP32) {
            text.append(", ").append(precision);
        }
        if (cards.size() > 1) {
            text.append(peers ? ", copies from card to card" : ", copies between cards go through host memory");
        }
        return text.toString();
    }

    static List<DeviceInfo> devices(List<CudaDevice> devices) {
        return devices.stream().map(device -> {
            CudaCard card = device.card;
            String description = String.format(Locale.ROOT, "%s, compute capability %.1f, %d multiprocessors", card.model,
                    card.computeCapability / 10.0, card.multiprocessors);
            return new DeviceInfo(card.name, description, card.memoryBytes);
        }).toList();
    }
}
