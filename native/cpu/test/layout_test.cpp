/* Memory, ranges along an axis, input preparation and canonical layouts. */
#include "subject.h"
#include <algorithm>

KERNEL_TEST(memory, 1) {
  t.describe("%s", "allocate");
  const int64_t before = t.library.allocated();
  for (int64_t bytes : {int64_t{1}, int64_t{4096}, int64_t{100000}, int64_t{5} << 20}) {
    char *memory = static_cast<char *>(t.library.allocate(bytes));
    t.check.equal(memory != nullptr, true, bytes);
    t.check.equal(static_cast<double>(reinterpret_cast<uintptr_t>(memory) % 4096), 0, bytes);
    t.check.equal(static_cast<double>(t.library.allocated() - before), static_cast<double>(bytes), bytes);
    t.check.equal(std::all_of(memory, memory + bytes, [](char c) { return c == 0; }), true, bytes);
    std::memset(memory, 1, bytes);
    t.library.free(memory, bytes);
  }
  t.check.equal(t.library.allocate(int64_t{1} << 60) == nullptr, true, 0);
  t.check.equal(static_cast<double>(t.library.allocated()), static_cast<double>(before), 0);
}

/* Many short runs, or few that are longer than a task. */
KERNEL_TEST(blocks, 50) {
  const bool is_long = t.random.chance(0.4);
  const int64_t outer = is_long ? t.random.between(1, 3) : t.random.between(1, 1500);
  const int64_t count = is_long ? t.random.between(1, 70000) : t.random.between(1, 40);
  const int from_first = t.random.between(0, 5), to_first = t.random.between(0, 5);
  const int64_t from_pitch = from_first + count + t.random.between(0, 5), to_pitch = to_first + count + t.random.between(0, 5);
  Guarded<float> from(outer * from_pitch), before(outer * to_pitch), to(before.size());
  t.random.fill(from);
  t.random.fill(before);
  for (bool adds : {false, true}) {
    t.describe("%s_block %lld x %lld", adds ? "add" : "copy", static_cast<long long>(outer), static_cast<long long>(count));
    run(t, to, [&](duet_team *team, float *out) {
      std::copy(before.get(), before.get() + before.size(), out);
      (adds ? t.library.add_block : t.library.copy_block)(team, outer, count, from.get(), from_pitch, from_first, out, to_pitch, to_first);
    });
    for (int64_t i = 0; i < to.size(); i++) {
      const int64_t at = i % to_pitch - to_first;
      if (at < 0 || at >= count) {
        t.check.equal(to[i], before[i], i);
      } else {
        const float part = from[i / to_pitch * from_pitch + from_first + at];
        t.check.equal(to[i], adds ? before[i] + part : part, i);
      }
    }
  }
}

KERNEL_TEST(prepare_input, 25) {
  const int batch = t.random.between(1, 4), channels = t.random.between(1, 4), stored_height = t.random.between(1, 30);
  const int stored_width = t.random.between(1, 30), height = t.random.between(1, 34), width = t.random.between(1, 34);
  const bool shifted = t.random.chance(0.5);
  Guarded<uint8_t> images(int64_t{batch} * stored_height * stored_width * channels);
  Guarded<float> mean(int64_t{stored_height} * stored_width * channels), shift(batch * channels);
  Guarded<float> output(int64_t{batch} * height * width * channels);
  Guarded<int32_t> crops(3 * batch);
  for (int64_t i = 0; i < images.size(); i++) images[i] = static_cast<uint8_t>(t.random.between(0, 255));
  t.random.fill(mean);
  t.random.fill(shift);
  for (int i = 0; i < batch; i++) {
    crops[3 * i] = t.random.between(-5, 8);
    crops[3 * i + 1] = t.random.between(-5, 8);
    crops[3 * i + 2] = t.random.between(0, 1);
  }
  t.describe("prepare_input %d x %dx%dx%d to %dx%d", batch, stored_height, stored_width, channels, height, width);
  run(t, output, [&](duet_team *team, float *to) {
    t.library.prepare_input(team, batch, channels, stored_height, stored_width, height, width, images.get(), crops.get(), mean.get(),
                            shifted ? shift.get() : nullptr, 0.5f, to);
  });
  for (int64_t i = 0; i < output.size(); i++) {
    const int64_t c = i % channels, x = i / channels % width, y = i / channels / width % height, n = i / channels / width / height;
    const int64_t from_y = y + crops[3 * n], from_x = (crops[3 * n + 2] ? width - 1 - x : x) + crops[3 * n + 1];
    Exact want;
    if (from_y >= 0 && from_y < stored_height && from_x >= 0 && from_x < stored_width) {
      const int64_t at = (from_y * stored_width + from_x) * channels + c;
      want.add(images[n * stored_height * stored_width * channels + at] * 0.5);
      want.add(-mean[at] * 0.5);
      if (shifted) want.add(shift[n * channels + c] * 0.5);
    }
    t.check.near(output[i], want, i, 4e-7);
  }
}

KERNEL_TEST(layouts, 25) {
  const int batch = t.random.between(1, 4), channels = t.random.between(1, 40);
  const int height = t.random.between(1, 20), width = t.random.between(1, 20);
  Guarded<float> canonical(int64_t{batch} * channels * height * width), nhwc(canonical.size()), back(canonical.size());
  t.random.fill(canonical);
  t.describe("to_nhwc %d x %d x %d x %d", batch, channels, height, width);
  run(t, nhwc, [&](duet_team *team, float *to) { t.library.to_nhwc(team, batch, channels, height, width, canonical.get(), to); });
  run(t, back, [&](duet_team *team, float *to) { t.library.from_nhwc(team, batch, channels, height, width, nhwc.get(), to); });
  const int64_t area = int64_t{height} * width;
  for (int64_t i = 0; i < nhwc.size(); i++) {
    const int64_t c = i % channels, pixel = i / channels;
    t.check.equal(nhwc[i], canonical[(pixel / area * channels + c) * area + pixel % area], i);
    t.check.equal(back[i], canonical[i], i);
  }
}
