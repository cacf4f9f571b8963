/* Backward through max-pooling (window 3, stride 2, no padding), the response norm (window 5, beta 0.75) before it and, if asked
   for, the ReLU before that: reads the map a, the winners and the gradient of the pooled map, writes the gradient of a.

   A thread owns four channels of a 2 x 2 block of input pixels, (2i, 2j) to (2i + 1, 2j + 1). Four windows reach into it, (i - 1, j - 1) to
   (i, j): nine comparisons of winners give the gradients of its four pixels, in the order of the windows. The terms that the norm
   sums over neighbouring channels pass through shared memory, a vector a pixel and thread; a block's threads are a multiple of a group's
   vectors, so that each group lies in one block. */
#include "response_norm/power.cuh"

extern "C" __global__ void __launch_bounds__(256, 2) norm_pool_backward(const __grid_constant__ duet_norm_pool p) {
  using namespace duet;
  using namespace duet::response_norm;
  extern __shared__ float shared[];
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x, channels = p.channels;
  const bool active = thread < p.count; /* all of a group or none of it */
  uint32_t image = thread;
  const uint32_t c = split(image, p.channel_vectors);
  const int j = static_cast<int>(split(image, p.blocks_across)), i = static_cast<int>(split(image, p.blocks_down));
  uint32_t group = c;
  const uint32_t place = split(group, p.group);

  Values<4> gradients[2][2] = {}; /* of the normalised map */
  const float *pooled = global<const float>(p.output);
  const uint32_t *winners = global<const uint32_t>(p.winners);
#pragma unroll
  for (int window = 0; window < 4; window++) {
    const int up = 1 - window / 2, left = 1 - window % 2, y = i - up, x = j - left;
    if (!active || y < 0 || x < 0 || y >= p.output_height || x >= p.output_width) continue;
    const uint32_t at = ((image * p.output_height + y) * p.output_width + x) * channels + c;
    const uint32_t winner = winners[at];
    const Values<4> gradient = load<4>(pooled, at);
#pragma unroll
    for (int pixel = 0; pixel < 4; pixel++) {
      const int row = 2 * up + pixel / 2, column = 2 * left + pixel % 2; /* in the window */
      if (row > 2 || column > 2) continue;
#pragma unroll
      for (int n = 0; n < 4; n++) {
        gradients[pixel / 2][pixel % 2].v[n] += (winner >> 8 * n & 255) == row * 3 + column ? gradient.v[n] : 0;
      }
    }
  }

  const float *input = global<const float>(p.input);
  const uint32_t corner = ((image * p.height + 2 * i) * p.width + 2 * j) * channels + c;
  Values<4> a[2][2], direct[2][2];
#pragma unroll
  for (int pixel = 0; pixel < 4; pixel++) {
    const int row = pixel / 2, column = pixel % 2;
    if (!active || 2 * i + row >= p.height || 2 * j + column >= p.width) continue;
    const Neighbours n = neighbours(input, corner + (row * p.width + column) * channels, place, p.group.divisor);
    const Values<4> t = bases(n, p.alpha, p.k);
    Values<4> terms;
    a[row][column] = n.own;
#pragma unroll
    for (int m = 0; m < 4; m++) {
      const Powers powers = three_quarters_powers(t.v[m]);
      const float gradient = gradients[row][column].v[m];
      direct[row][column].v[m] = gradient * powers.power;
      terms.v[m] = gradient * n.own.v[m] * powers.ratio;
    }
    store<4>(shared, pixel * blockDim.x + threadIdx.x, terms);
  }
  __syncthreads();
  if (!active) return;

  const float factor = 2 * p.alpha * 0.75f;
#pragma unroll
  for (int pixel = 0; pixel < 4; pixel++) {
    const int row = pixel / 2, column = pixel % 2;
    if (2 * i + row >= p.height || 2 * j + column >= p.width) continue;
    const Neighbours n = neighbours(shared, pixel * blockDim.x + threadIdx.x, place, p.group.divisor);
    const Values<4> sums = window_sums(n.before2, n.before1, n.own, n.after1, n.after2);
    Values<4> gradient;
#pragma unroll
    for (int m = 0; m < 4; m++) gradient.v[m] = direct[row][column].v[m] - factor * a[row][column].v[m] * sums.v[m];
    store<4>(global<float>(p.input_gradient), corner + (row * p.width + column) * channels,
             p.relu ? where_positive(a[row][column], gradient) : gradient);
  }
}
