package duet.device;

/**
 * Response normalisation within each map, cuda-convnet's {@code rnorm}:
 * {@code b_i = a_i / (k + alpha * sum of a_j^2 over the size x size pixels around i of the same map)^beta}, windows cut to the image, alpha
 * not divided by the number of pixels.
 *
 * @param size  pixels along the side of a neighbourhood
 * @param alpha factor of the sum of squares
 * @param beta  exponent
 * @param k     added to the sum
 */
public record SpatialNorm(int size, float alpha, float beta, float k) {}
