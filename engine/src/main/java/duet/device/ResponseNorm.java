package duet.device;

/**
 * Local response normalisation over channels (paper, section 3.3):
 * {@code b_i = a_i / (k + alpha * sum_{j = max(0, i - size/2)}^{min(N - 1, i + size/2)} a_j^2)^beta}, alpha not divided by the size.
 * With groups the N = channels / groups channels of each group form a neighbourhood of their own, as on a device of its own.
 *
 * @param size   channels in a neighbourhood
 * @param alpha  factor of the sum of squares
 * @param beta   exponent
 * @param k      added to the sum
 * @param groups neighbourhoods end at their borders
 */
public record ResponseNorm(int size, float alpha, float beta, float k, int groups) {}
