/*
 * The C interface of Duet's CPU kernels. Bound to Java by jextract (see bindings/).
 *
 * Layouts
 *   activations  float, [image][y][x][channel] ("NHWC"), dense.
 *   filters      float, "packed": for each group, for each block of up to duet_filter_block() outputs of that group, for each tap
 *                (ky, kx, channel within the group; channel fastest) the block's outputs side by side. The last block of a group
 *                is as wide as its outputs rounded up to the vector width, filled with zeros that stay zeros. A fully
 *                connected layer is a filter whose kernel covers its input. duet_filter_pack and duet_filter_unpack convert
 *                from and to the canonical [out][in/groups][kh][kw]; duet_filter_elements says how large it is.
 *   vectors      float, dense.
 *   winners      uint8, like the pooled activation.
 *
 * Every function runs on the calling thread and the other threads of its team, and returns when the work is done. Results are
 * the same bits for any number of threads. Pointers are aligned to 64 bytes; outputs do not overlap inputs unless it is said.
 * Workspace pointers may be null where the matching *_workspace function returns 0.
 */
#ifndef DUET_CPU_H
#define DUET_CPU_H
#include <stdint.h>

#ifdef __cplusplus
#define DUET_NOEXCEPT noexcept
extern "C" {
#else
#define DUET_NOEXCEPT
#endif

/*
 * What a kernel returns: any function below that takes a team and works on tensors. If it is not DUET_DONE, the outputs hold anything; the
 * team can be used again. No function throws.
 */
#define DUET_DONE 0
#define DUET_NO_MEMORY 1
#define DUET_FAILED 2 /* something else that was never seen */

/* Changes whenever this file does; the Java side refuses a library with another number. */
#define DUET_CPU_ABI 10
int32_t duet_abi(void) DUET_NOEXCEPT;

/* "AVX-512 BF16", "AVX-512", "AVX2", "portable" */
const char *duet_instruction_set(void) DUET_NOEXCEPT;
/* floats in a vector: 16, 8, 4 */
int32_t duet_vector_width(void) DUET_NOEXCEPT;

/* Memory: zeroed, aligned to at least 4096 bytes, in huge pages where possible. NULL if there is none. */
void *duet_allocate(int64_t bytes) DUET_NOEXCEPT;
void duet_free(void *memory, int64_t bytes) DUET_NOEXCEPT;
/* Bytes now allocated by duet_allocate. */
int64_t duet_allocated(void) DUET_NOEXCEPT;

/* A team of threads; one caller at a time. threads counts the caller. NULL if threads cannot be started. */
typedef struct duet_team duet_team;
duet_team *duet_team_create(int32_t threads) DUET_NOEXCEPT;
void duet_team_destroy(duet_team *team) DUET_NOEXCEPT;

/*
 * How a convolution is computed. Winograd's form takes fewer multiplications and more memory, with rounding errors a few times as large;
 * where it does not apply the sums are direct. It applies to square kernels of 3 or 5 taps along an axis after division by the stride,
 * rounded up, to maps not smaller than a tile, where filters and channels (times the stride's square) of a group are whole vectors; a layer
 * with a stride must have one group, and its backward data is direct. The operations of one layer may differ in it.
 */
#define DUET_FASTEST 0 /* what is likely to be */
#define DUET_DIRECT 1
#define DUET_WINOGRAD 2
#define DUET_FASTEST_PREPARED 3 /* with a prepared filter: see duet_convolution_prepare */

/*
 * What the factors of a convolution's or fully connected layer's products are rounded to. Sums, and all that lies in memory between the
 * operations, are float in any case.
 *
 * DUET_BF16 takes bf16 where it is faster: for nearly all products on a processor with AVX-512 BF16, which multiplies bf16 at twice the
 * rate of float; on others for fully connected layers of a few images, where reading the weights takes the time. DUET_BF16_EVERYWHERE also
 * does it where it is slower, with the same results as on another processor but for the order of sums. Layers whose channels or filters of
 * a group are odd in number may stay in float.
 */
#define DUET_FP32 0
#define DUET_BF16 1
#define DUET_BF16_EVERYWHERE 2

typedef struct duet_convolution {
  int32_t batch, channels, height, width;                                             /* input on this device */
  int32_t filters, kernel_height, kernel_width, stride, padding, padding_top, groups; /* padding: on the left; padding_top: above */
  int32_t output_height, output_width; /* given: what windows reach on the right and below follows */
  int32_t algorithm, precision;
} duet_convolution;

/* What is done where the structure asks for c->precision: DUET_FP32 or DUET_BF16. */
#define DUET_FORWARD 0
#define DUET_BACKWARD_DATA 1
#define DUET_BACKWARD_WEIGHTS 2
int32_t duet_convolution_precision(const duet_convolution *convolution, int32_t operation) DUET_NOEXCEPT;

/* What is done where the structure asks for c->algorithm: DUET_DIRECT or DUET_WINOGRAD. */
int32_t duet_convolution_algorithm(const duet_convolution *convolution, int32_t operation) DUET_NOEXCEPT;

/* Of the products that are then done: of Winograd's form those in its points, without the transforms around them. */
int64_t duet_convolution_multiply_adds(const duet_convolution *convolution, int32_t operation) DUET_NOEXCEPT;

int32_t duet_filter_block(void) DUET_NOEXCEPT;
int64_t duet_filter_elements(const duet_convolution *convolution) DUET_NOEXCEPT;
int32_t duet_filter_pack(duet_team *team, const duet_convolution *convolution, const float *canonical, float *packed) DUET_NOEXCEPT;
int32_t duet_filter_unpack(duet_team *team, const duet_convolution *convolution, const float *packed, float *canonical) DUET_NOEXCEPT;

/* relu != 0 also applies ReLU (x < 0 ? 0 : x). bias may be NULL. */
int64_t duet_convolution_forward_workspace(const duet_convolution *convolution, int32_t threads) DUET_NOEXCEPT;
int32_t duet_convolution_forward(duet_team *team, const duet_convolution *convolution, const float *input, const float *filter,
                                 const float *bias, int32_t relu, float *output, void *workspace) DUET_NOEXCEPT;

/*
 * A filter prepared for forward passes that use it many times, as in inference: rounded to bf16 (half of the memory to read), or
 * transformed for Winograd's form. How depends on the whole structure. Where duet_convolution_prepared_bytes is 0 there is nothing to gain,
 * and the other two must not be called. The workspace is that of duet_convolution_forward.
 */
int64_t duet_convolution_prepared_bytes(const duet_convolution *convolution) DUET_NOEXCEPT;
int32_t duet_convolution_prepare(duet_team *team, const duet_convolution *convolution, const float *filter, void *prepared) DUET_NOEXCEPT;
int32_t duet_convolution_forward_prepared(duet_team *team, const duet_convolution *convolution, const float *input, const void *prepared,
                                          const float *bias, int32_t relu, float *output, void *workspace) DUET_NOEXCEPT;

int64_t duet_convolution_backward_data_workspace(const duet_convolution *convolution, int32_t threads) DUET_NOEXCEPT;
int32_t duet_convolution_backward_data(duet_team *team, const duet_convolution *convolution, const float *output_gradient,
                                       const float *filter, float *input_gradient, void *workspace) DUET_NOEXCEPT;
/* bias_gradient may be NULL. */
int64_t duet_convolution_backward_weights_workspace(const duet_convolution *convolution, int32_t threads) DUET_NOEXCEPT;
int32_t duet_convolution_backward_weights(duet_team *team, const duet_convolution *convolution, const float *input,
                                          const float *output_gradient, float *filter_gradient, float *bias_gradient,
                                          void *workspace) DUET_NOEXCEPT;

/* Elementwise, count elements; output may be the input, input_gradient may be output_gradient. */
int32_t duet_relu_forward(duet_team *team, int64_t count, const float *input, float *output) DUET_NOEXCEPT;
int32_t duet_relu_backward(duet_team *team, int64_t count, const float *output, const float *output_gradient,
                           float *input_gradient) DUET_NOEXCEPT;
int32_t duet_tanh_forward(duet_team *team, int64_t count, const float *input, float *output) DUET_NOEXCEPT;
int32_t duet_tanh_backward(duet_team *team, int64_t count, const float *output, const float *output_gradient,
                           float *input_gradient) DUET_NOEXCEPT;
int32_t duet_scale(duet_team *team, int64_t count, const float *input, float factor, float *output) DUET_NOEXCEPT;
int32_t duet_add(duet_team *team, int64_t count, const float *left, const float *right, float *output) DUET_NOEXCEPT;
/*
 * Of each of `batch` images of `count` floats the stronger one: that of `right` if its squares, added up in double, are more than those of
 * `left`, else that of `left`. NaN is more than any number. output may be either.
 */
int32_t duet_stronger(duet_team *team, int32_t batch, int64_t count, const float *left, const float *right, float *output) DUET_NOEXCEPT;
/* *status = 1 if any element is NaN or infinite, else 0 */
int32_t duet_finite_check(duet_team *team, int64_t count, const float *values, int32_t *status) DUET_NOEXCEPT;

/* Local response normalisation over the channels of each of `groups` groups; pixels = batch * height * width. */
int32_t duet_response_norm_forward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha, float beta,
                                   float k, const float *input, float *output) DUET_NOEXCEPT;
int32_t duet_response_norm_backward(duet_team *team, int64_t pixels, int32_t channels, int32_t groups, int32_t size, float alpha,
                                    float beta, float k, const float *input, const float *output_gradient,
                                    float *input_gradient) DUET_NOEXCEPT;

/* Response normalisation within each map, over size x size pixels cut to the image; backward needs a workspace as large as the input. */
typedef struct duet_spatial_norm {
  int32_t batch, channels, height, width, size;
  float alpha, beta, k;
} duet_spatial_norm;
int32_t duet_spatial_norm_forward(duet_team *team, const duet_spatial_norm *norm, const float *input, float *output) DUET_NOEXCEPT;
int32_t duet_spatial_norm_backward(duet_team *team, const duet_spatial_norm *norm, const float *input, const float *output_gradient,
                                   float *input_gradient, float *workspace) DUET_NOEXCEPT;

typedef struct duet_pooling {
  int32_t batch, channels, height, width, window, stride, padding, padding_top, output_height, output_width;
} duet_pooling;
/* winners may be NULL; a winner is row * window + column in the uncut window, the first largest one; NaN wins over numbers. */
int32_t duet_max_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output,
                              uint8_t *winners) DUET_NOEXCEPT;
int32_t duet_max_pool_backward(duet_team *team, const duet_pooling *pooling, const uint8_t *winners, const float *output_gradient,
                               float *input_gradient) DUET_NOEXCEPT;
/* divides by the number of pixels inside the image */
int32_t duet_average_pool_forward(duet_team *team, const duet_pooling *pooling, const float *input, float *output) DUET_NOEXCEPT;
int32_t duet_average_pool_backward(duet_team *team, const duet_pooling *pooling, const float *output_gradient,
                                   float *input_gradient) DUET_NOEXCEPT;

/*
 * Element e = (((first_image + n) * total_channels + first_channel + c) * total_height + first_row + y) * width + x is kept where the
 * Philox 4x32-10 bits of (seed, purpose, step, e) are, unsigned, not below threshold; see Philox.java for the counter. Kept elements are
 * multiplied by scale, others become 0. In place allowed.
 */
int32_t duet_dropout(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, int32_t first_image,
                     int32_t total_channels, int32_t first_channel, int32_t total_height, int32_t first_row, uint64_t seed,
                     uint32_t purpose, uint64_t step, uint32_t threshold, float scale, const float *input, float *output) DUET_NOEXCEPT;

/*
 * probabilities and input_gradient may be NULL. A label of -1 marks an absent image: loss 0, rank -1, gradient 0. The gradient is
 * (probability - (1 at the label)) / divisor.
 */
int32_t duet_softmax_cross_entropy(duet_team *team, int32_t batch, int32_t classes, const float *logits, const int32_t *labels,
                                   float *losses, int32_t *ranks, float *probabilities, float *input_gradient, float divisor) DUET_NOEXCEPT;

/*
 * Ranges of dense activations along an axis: `outer` runs of `count` neighbouring floats, the i-th from[i * from_pitch + from_first ...]
 * and to[i * to_pitch + to_first ...]. Channels of each pixel are a run; so are rows of each image; images are one run.
 */
int32_t duet_copy_block(duet_team *team, int64_t outer, int64_t count, const float *from, int64_t from_pitch, int64_t from_first, float *to,
                        int64_t to_pitch, int64_t to_first) DUET_NOEXCEPT;
/* to += from */
int32_t duet_add_block(duet_team *team, int64_t outer, int64_t count, const float *from, int64_t from_pitch, int64_t from_first, float *to,
                       int64_t to_pitch, int64_t to_first) DUET_NOEXCEPT;

/*
 * images [n][stored_height][stored_width][channels] bytes; crops [n][3] top, left, mirror; mean NHWC; colour_shift [n][channels] or NULL.
 */
int32_t duet_prepare_input(duet_team *team, int32_t batch, int32_t channels, int32_t stored_height, int32_t stored_width, int32_t height,
                           int32_t width, const uint8_t *images, const int32_t *crops, const float *mean, const float *colour_shift,
                           float scale, float *output) DUET_NOEXCEPT;

/* momentum = mu * momentum - decay * rate * weight - rate * gradient; weight += momentum */
int32_t duet_sgd_update(duet_team *team, int64_t count, const float *gradient, float *weight, float *momentum, float rate, float decay,
                        float mu) DUET_NOEXCEPT;

/* Scales every filter whose root mean square is above radius back to it; of the convolution only what duet_filter_pack needs counts. */
int32_t duet_filter_renormalise(duet_team *team, const duet_convolution *convolution, float radius, float *filter) DUET_NOEXCEPT;

/* Canonical [n][c][h][w] from and to NHWC. */
int32_t duet_to_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *canonical,
                     float *output) DUET_NOEXCEPT;
int32_t duet_from_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *input,
                       float *canonical) DUET_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
