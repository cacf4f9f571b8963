package duet.cli.options;

import java.util.List;
import java.util.stream.Stream;

import duet.cli.output.CommandFailure;
import duet.device.Operation.Activation;
import duet.model.Ablation;
import duet.net.Network;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The changes to a network whose effects the paper measured. */
@Heading(Heading.NETWORK)
public final class AblationOptions {
    @Option(names = "--no-lrn", description = "Without response normalisation.")
    private boolean noNorm;

    @Option(names = "--non-overlapping-pooling", description = "Pooling windows as wide as their stride.")
    private boolean nonOverlappingPooling;

    @Option(names = "--one-column",
            description = "One column with half the kernels in each convolution but the last; the fully connected layers stay as they are.")
    private boolean oneColumn;

    @Option(names = "--no-communication",
            description = "The two columns meet in the scores only; as in the original, conv2 and fc6 grow to make up for the lost "
                    + "parameters.")
    private boolean noCommunication;

    @Option(names = "--nonlinearity", paramLabel = "NAME", converter = ActivationConverter.class,
            description = "'tanh' in place of every ReLU, or 'relu', which changes nothing (default: relu).")
    private Activation nonlinearity = Activation.RELU;

    public boolean given() {
        return !chosen().isEmpty();
    }

    public Network apply(Network network) {
        if (oneColumn && noCommunication) {
            throw CommandFailure.usage("--one-column and --no-communication exclude each other");
        }
        return CommandFailure.checked(() -> {
            Network changed = network;
            for (Ablation ablation : chosen()) {
                changed = ablation.apply(changed);
            }
            return changed;
        });
    }

    /** One column before no normalisation: normalised groups are part of what becomes one. */
    private List<Ablation> chosen() {
        return Stream.of(
                oneColumn ? Ablation.ONE_COLUMN : null,
                noCommunication ? Ablation.NO_COMMUNICATION : null,
                noNorm ? Ablation.NO_LRN : null,
                nonOverlappingPooling ? Ablation.NON_OVERLAPPING_POOLING : null,
                nonlinearity == Activation.TANH ? Ablation.TANH : null).filter(ablation -> ablation != null).toList();
    }

    /** {@code relu} or {@code tanh}. */
    static final class ActivationConverter implements ITypeConverter<Activation> {
        @Override
        public Activation convert(String text) {
            return switch (text) {
                case "relu" -> Activation.RELU;
                case "tanh" -> Activation.TANH;
                default -> throw new TypeConversionException("'" + text + "' is neither 'relu' nor 'tanh'");
            };
        }
    }
}
