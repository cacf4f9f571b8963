/* What the host passes to the kernels: each kernel takes one structure by value. Plain C, so that jextract binds it for the engine and
   nvcc reads the same text. Addresses are device addresses; sizes are counted in elements.

   Layouts. Activations: [batch][height][width][channels], no padding. Filters: [groups][kernel height][kernel width]
   [channels of a group][filters of a group]; a fully connected layer is one group whose kernel covers its whole input. Winners: one
   byte for each output element in the order of the activations. Everything else in canonical order.

   Numbers are float. Kernels whose name ends in _bf16 have the maps (and gradients of maps) that the structure names in bf16, in the same
   order; those that end in _planes have a parameter as two planes of 16 bits: all upper numbers, then, from the next multiple of
   16 bytes on, all lower ones (common/bf16.cuh). */
#ifndef DUET_CUDA_H
#define DUET_CUDA_H
#include <stdint.h>

typedef uint64_t duet_address;

/* Division of n in 0 .. 2^31 - 1 by a number known to the host: n / divisor = (mulhi(n, multiplier) + n) >> shift, with
   shift = ceil(log2(divisor)) and multiplier = floor(2^32 * (2^shift - divisor) / divisor) + 1. */
typedef struct {
  uint32_t divisor, multiplier, shift;
} duet_divisor;

/* In device memory, so that a captured graph need not change: written before each run. */
typedef struct {
  uint64_t seed, step;
  float momentum;
  uint32_t reserved[3];
  struct {
    float learning_rate, weight_decay;
  } rates[128];
} duet_run;

/* The update of a parameter by its gradient, in the kernel that makes the gradient, which is then stored nowhere (sgd/). */
typedef struct {
  duet_address weight, momentum; /* weight 0 for no update */
  duet_address run;
  uint32_t rate_index;
  uint32_t reserved;
} duet_update;

/* Dropout of what a kernel makes of one pixel an image (dropout/). */
typedef struct {
  duet_address run;
  uint64_t first_element, image_elements; /* of the whole layer; multiples of 4 */
  uint32_t purpose, threshold;            /* kept where the random bits are not below the threshold */
  float scale;
  uint32_t reserved;
} duet_dropping;

/* ---- Matrix products: convolution, fully connected layers (convolution/) ----------------------------------------------------------

   One structure for the three passes, and for two in one. `gathered` is read through windows: window (y, x) of the raster begins at
   row step * y + origin_y and column step * x + origin_x of the image; what lies outside the image is zero. With g a group:

   forward   result[pixel][g * columns + c] = activation(bias + sum over terms of gathered[window of the pixel][term] * dense[g][term][c]);
             raster = the output, terms = kernel height x kernel width x depth
   data      the same with the output's gradient as gathered images, the filter turned round and transposed. Pixels with equal
             (y + padding_top) mod stride and (x + padding) mod stride are a phase (blockIdx.y = group * phases + phase); within it windows
             are dense: raster row a is row stride * (a + origin_y) + phase - padding_top of the result, columns likewise
   weights   result[g][row][c] = sum over pixels of gathered[window of the pixel][row] * dense[pixel][g * columns + c];
             rows = kernel height x kernel width x depth, bias[g * columns + c] = sum of dense if there is one
   both      fully connected (fully_connected/): result as in data, of gathered [rows][terms], the output's gradient, and the weights of
             `update`, [columns][terms]; these are updated by their gradient, of dense [rows][columns], the input, and likewise the bias

   The grid: x = tiles (those across fastest), y = groups (x phases), z = splits of the sum. Split z goes to result + z * split_stride and
   bias + z * split_stride: partial sums in scratch memory for duet_reduction, or with one split the result itself. */
typedef struct {
  duet_address gathered, dense, result;
  duet_address bias;     /* forward: added; weights: written; 0 for none */
  duet_address mask;     /* data, both: of the result's shape; the result is 0 where it is not above 0; 0 for none */
  duet_address status;   /* forward: set to 1 if a result is NaN or infinite, else left as it is; 0 for none */
  uint64_t split_stride; /* elements */
  duet_update update;    /* weights, one split: of what the result is the gradient of; both: always; bias_update likewise */
  duet_update bias_update;
  int32_t rows, columns, terms; /* of the product of one group (and phase) */
  int32_t terms_per_split;      /* a multiple of 16 */
  int32_t tiles_across;
  int32_t rectify;                 /* forward: 1 for max(result, 0), NaN stays NaN */
  int32_t height, width, channels; /* of the gathered images, all groups */
  int32_t step, origin_y, origin_x;
  int32_t result_channels;                /* forward, data: all groups; weights: channels of dense */
  duet_divisor raster_area, raster_width; /* pixels of an image's raster, of its row */
  duet_divisor depth;                     /* gathered channels of a group */
  duet_divisor taps_across;               /* windows are taps_across x taps_across pixels */
  int32_t stride, padding_top, padding, kernel, phases, result_height, result_width; /* data only */
  int32_t inside;                                                                    /* 1 if no window reaches outside its image */
  float mask_scale;                                                                  /* data, both: of what the mask lets through */
} duet_convolution;

/* result[i] = epilogue(sum over splits of partial[split * split_stride + i]) in the order of the splits, for i below elements + tail;
   from `elements` on the result goes to tail_result (a bias gradient). May work in place on one split. product_reduce_dropout drops some of
   the results at last, after they have been looked at. */
typedef struct {
  duet_address partial, result, tail_result;
  duet_address bias;   /* added: bias[i mod channels]; 0 for none */
  duet_address mask;   /* result 0 where mask[i] is not above 0, else times mask_scale; 0 for none */
  duet_address status; /* set to 1 if a result is NaN or infinite, else left as it is; 0 for none */
  duet_update update;  /* of what the result is the gradient of: then result and tail_result are 0 */
  duet_update tail_update;
  duet_dropping dropping;
  uint64_t split_stride; /* elements */
  int64_t elements, tail;
  duet_divisor channels;
  int32_t splits;
  int32_t activation; /* 0 none, 1 max(result, 0), 2 tanh */
  float mask_scale;
  uint32_t reserved;
} duet_reduction;

/* product_reduce_pair: two of them, the first by the blocks before `first_blocks`. */
typedef struct {
  duet_reduction first, second;
  uint32_t first_blocks;
  uint32_t reserved;
} duet_reduction_pair;

/* ---- Everything else: memory-bound kernels ----------------------------------------------------------------------------------------

   Kernels whose name ends in _x4 move four neighbouring channels at a time, and their channel numbers, counts and offsets are in such
   vectors; they need channels that are multiples of 4. `count` is the number of threads that have work (elements or vectors of the
   result), below 2^31; the grid covers it. Optional addresses are 0. */

/* elementwise/: grid-stride, so that any grid is right; count in floats. Any of the addresses may be equal. */
typedef struct {
  duet_address left, right, output; /* one operand: left. Backward: left = the layer's output y, right = gradient for it */
  uint64_t count;
  float factor; /* elementwise_scale */
  uint32_t reserved;
} duet_elementwise;

/* elementwise/: finite_check sets the status to 1 if a value is NaN or infinite; finite_reset sets `count` of them to 0 before,
   where no prepare_input does (input/). */
typedef struct {
  duet_address values, status;
  uint64_t count;
} duet_finite;

/* elementwise/: a block an image. output may be left or right. */
typedef struct {
  duet_address left, right, output;
  uint32_t count; /* of an image */
  uint32_t reserved;
} duet_stronger;

/* dropout/: elements are numbered as in duet.device.Operation.Dropout. */
typedef struct {
  duet_address input, output, run;
  uint32_t count;
  uint32_t purpose, threshold; /* kept where the random bits are not below the threshold */
  float scale;
  /* Numbers of the first element here, of an image and of a map of the whole layer; in elements, also for _x4. */
  uint64_t first_element, image_elements, map_elements;
  duet_divisor channels, area; /* of the input here */
} duet_dropout;

/* sgd/: momentum = mu * momentum - decay * rate * weight - rate * gradient; weight += momentum. Grid-stride; count in floats. */
typedef struct {
  duet_address gradient, weight, momentum, run;
  uint64_t count;
  uint32_t rate_index;
  uint32_t reserved;
} duet_sgd;

/* sgd/filter_renormalise: blockIdx.x = 32 filters of a group, blockIdx.y = group; weight [group][terms][filters]. */
typedef struct {
  duet_address weight;
  int32_t terms, filters; /* of a group */
  float radius;
  uint32_t reserved;
} duet_filter_renormalise;

/* softmax/: a block an image. */
typedef struct {
  duet_address logits, labels, losses, ranks;
  duet_address probabilities, gradient; /* or 0 */
  uint32_t classes;
  float divisor; /* of the gradient */
} duet_softmax;

/* input/: stored bytes and the mean are [y][x][channel]; crops are (top, left, mirror) of each image. */
typedef struct {
  duet_address images, crops, mean, output;
  duet_address colour_shift; /* [batch][channel], or 0 */
  duet_address status;       /* of a run's searches for NaN and infinity: so many flags are cleared; or 0 */
  uint32_t count;            /* elements of the output */
  int32_t stored_height, stored_width;
  float scale;
  duet_divisor channels, width, height; /* of the output */
  uint32_t flags;
} duet_prepare_input;

/* blocks/: to[run * to_pitch + to_first + i] = from[run * from_pitch + from_first + i] (add_block: += it) for i below width. */
typedef struct {
  duet_address from, to;
  uint32_t count; /* runs * width */
  uint32_t from_pitch, from_first, to_pitch, to_first;
  duet_divisor width;
} duet_copy_block;

/* pooling/: `side` is what the grid covers: the output of a forward pass, the input of a backward pass. */
typedef struct {
  duet_address input, output; /* backward: the output's gradient, the input's gradient */
  duet_address winners;       /* forward: or 0 */
  duet_address mask;          /* max_pool_backward: the pool's input; the result is 0 where it is not above 0. Or 0 */
  uint32_t count;
  int32_t height, width, output_height, output_width; /* of the pool, forward and backward alike */
  int32_t window, padding, padding_top;
  duet_divisor stride, channels, side_width, side_height;
} duet_pooling;

/* response_norm/: the channels of one group are neighbours. */
typedef struct {
  duet_address input, output;
  duet_address output_gradient; /* backward; `output` is then the input's gradient */
  uint32_t count;
  int32_t half; /* neighbours on either side */
  int32_t relu; /* backward: 1 to multiply the result by (input > 0) */
  float alpha, beta, k;
  duet_divisor channels; /* of a group */
} duet_response_norm;

/* spatial_norm/: a window of 2 * half + 1 rows and columns within each map. */
typedef struct {
  duet_address input, output;
  duet_address output_gradient, terms; /* backward: `output` is the input's gradient; terms: scratch memory of the input's size */
  uint32_t count;
  int32_t half;
  float alpha, beta, k;
  duet_divisor channels, width, height;
} duet_spatial_norm;

/* norm_pool/: response norm (2 neighbours on either side, beta 0.75), then max-pooling (window 3, stride 2, no padding). A block of the
   forward pass makes output rows [strip * strip_rows, ...) x columns [tile * tile_columns, ...) of an image, all channels;
   blockIdx.x = (image * strips + strip) * tiles + tile. */
typedef struct {
  duet_address input;
  duet_address output, winners; /* forward: written, winners or 0; backward: the gradient of the pooled map, read */
  duet_address input_gradient;  /* backward */
  uint32_t count;               /* backward: 2 x 2 blocks of the input times channel vectors */
  int32_t height, width, output_height, output_width;
  int32_t relu; /* backward: 1 to multiply the result by (input > 0) */
  float alpha, k;
  int32_t channels; /* of all groups, in vectors */
  int32_t strip_rows, tile_columns;
  duet_divisor group;                      /* channels of a group, in vectors */
  duet_divisor channel_vectors;            /* = channels */
  duet_divisor strips, tiles;              /* forward */
  duet_divisor blocks_down, blocks_across; /* backward: 2 x 2 blocks of an image */
} duet_norm_pool;

/* The first layer on tensor cores. An image of few channels is packed: one pixel is stride x stride pixels of the image, all channels, and
   zeros up to a multiple of eight; a kernel of `kernel` pixels covers `taps` packed ones and has stride 1. Packed pixel (y, x), channel
   (dy * stride + dx) * channels + c is pixel (stride * y + dy - padding_top, stride * x + dx - padding), channel c, zero outside. A packed
   filter is [taps][taps][depth][filters], zero beyond the kernel.

   image     packs images, count in chunks of eight packed channels
   filter    packs the upper plane of a filter, count in chunks of eight filters
   gradient  see duet_unpacking */
typedef struct {
  duet_address from, to;
  uint32_t count;
  int32_t stride, kernel;
  int32_t height, width, channels, padding_top, padding; /* of the image */
  duet_divisor chunks;                                   /* image: of a packed pixel; else in a row of filters */
  duet_divisor packed_width, packed_height;              /* image */
  duet_divisor row;                                      /* stride * channels */
  duet_divisor depth, taps;                              /* filter, gradient: packed channels; packed taps across */
} duet_packing;

/* The gradient of a filter from that of the packed one, and behind it that of the bias: partial sums as in duet_reduction, packing.count
   in fours of floats; or their updates, the filter's of two planes. */
typedef struct {
  duet_packing packing;
  duet_address tail_to; /* gradient of the bias, or 0 */
  duet_update update, tail_update;
  uint64_t split_stride; /* elements */
  int32_t splits;
  int32_t tail; /* fours of the bias, or 0 */
} duet_unpacking;

/* Images are packed as they are prepared, and the filter beside them, where a first layer on tensor cores is all that reads them: `input`
   makes the images of `packing` (which has no addresses; its packed_width is in pixels), `filter` is packed by the blocks behind those of
   the images. A block makes `rows` packed rows of `pixels` packed pixels, which begin at pixel `pixels` * (blockIdx.x mod tiles). */
typedef struct {
  duet_prepare_input input;
  duet_packing packing, filter; /* filter: count 0 for none */
  uint32_t image_blocks;        /* the blocks from there on pack the filter */
  uint32_t packed_rows;         /* of all images */
  uint32_t rows, pixels;
  duet_divisor tiles; /* across a packed row */
} duet_prepare_packed;

#endif
