// A stand-in for NCCL. Ranks are threads of one process, each with a device of the virtual GPU; what they send lies in mailboxes until the
// other one takes it. It works in ncclGroupEnd, which waits, and it refuses what would make NCCL fail, hang or mix up data: two ranks on a
// device, other numbers of bytes at the two ends, calls of a communicator that was given back.
#include <dlfcn.h>

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "duet_nccl.h"
#include "duet_vnccl.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {

// The functions of the virtual GPU that has been loaded; none if it has not.
struct Gpu {
  int (*device)(int *device) = nullptr;
  int (*synchronize)(void *stream) = nullptr;
  int (*to_host)(void *to, uint64_t from, size_t bytes, void *stream) = nullptr;
  int (*to_device)(uint64_t to, const void *from, size_t bytes, void *stream) = nullptr;
  bool there = false;

  Gpu() {
    void *library = dlopen("libduet_vgpu.so", RTLD_NOW | RTLD_NOLOAD);
    if (!library) return;
    there = find(library, "cuCtxGetDevice", device) && find(library, "cuStreamSynchronize", synchronize) &&
            find(library, "cuMemcpyDtoHAsync_v2", to_host) && find(library, "cuMemcpyHtoDAsync_v2", to_device);
  }

  template <class F> static bool find(void *library, const char *name, F &function) {
    function = reinterpret_cast<F>(dlsym(library, name));
    return function;
  }

  static const Gpu &get() {
    static const Gpu gpu;
    return gpu;
  }
};

struct Letter {
  std::vector<char> data;
  bool taken = false;
};

struct World {
  int size = 0;
  bool refused = false;                                                     // two ranks on one device
  std::map<int, int> devices;                                               // of the ranks that have come
  std::map<std::pair<int, int>, std::deque<std::shared_ptr<Letter>>> mail;  // from, to
};

}  // namespace

struct ncclComm {
  std::shared_ptr<World> world;
  int rank = 0, groups = 0, error = ncclSuccess;
  bool aborted = false;
};

namespace {

// Never destroyed: threads of a JVM may outlive static destructors.
std::mutex &mutex = *new std::mutex;  // over everything below
std::condition_variable &changed = *new std::condition_variable;
auto &worlds = *new std::map<std::string, std::shared_ptr<World>>;
auto &communicators = *new std::map<ncclComm *, std::shared_ptr<ncclComm>>;
int failing_rank, failure, failing_group;
long groups_done, ids;

struct Part {
  bool sends;
  uint64_t address;
  size_t bytes;
  int peer;
  ncclComm *handle;
  void *stream;
};

struct Coming {
  ncclComm **result;
  std::shared_ptr<ncclComm> communicator;
};

// Of a thread.
thread_local int depth;
thread_local std::vector<Part> parts;
thread_local std::vector<Coming> coming;
thread_local std::string words;

int fails(int error, std::string why) {
  words = std::move(why);
  return error;
}

bool has(int what, int rank, int groups) {
  return failure == what && (failing_rank == rank || failing_rank < 0) && groups >= failing_group;
}

std::string name(int rank) { return "rank " + std::to_string(rank); }

// Waits for all ranks of those that begin in this group.
int join(std::unique_lock<std::mutex> &lock) {
  auto all = std::move(coming);
  coming.clear();
  for (auto &[result, communicator] : all) {
    World &world = *communicator->world;
    changed.wait(lock, [&] { return world.refused || static_cast<int>(world.devices.size()) == world.size; });
    if (world.refused) return fails(ncclInvalidUsage, "two ranks are on the same device");
    communicators[communicator.get()] = communicator;
    *result = communicator.get();
  }
  return ncclSuccess;
}

// Takes the letter that is next, if it has come; -1 if it has not.
int take(const Part &part, const ncclComm &communicator) {
  auto &mail = communicator.world->mail[{part.peer, communicator.rank}];
  if (mail.empty()) return -1;
  auto letter = mail.front();
  mail.pop_front();
  letter->taken = true;
  changed.notify_all();
  if (letter->data.size() != part.bytes)
    return fails(ncclInvalidArgument, name(communicator.rank) + " receives " + std::to_string(part.bytes) + " bytes from " +
                                          name(part.peer) + ", which sends " + std::to_string(letter->data.size()));
  // From ordinary memory the driver has read everything when this returns; on the device it happens in the stream's order.
  int result = Gpu::get().to_device(part.address, letter->data.data(), part.bytes, part.stream);
  return result ? fails(ncclUnhandledCudaError, "receiving: error " + std::to_string(result)) : ncclSuccess;
}

// Waits for the devices, which no lock must keep others from.
int read(const std::vector<Part> &sends, std::vector<std::shared_ptr<Letter>> &letters) {
  for (const Part &part : sends) {
    auto letter = std::make_shared<Letter>();
    letter->data.resize(part.bytes);
    int result = Gpu::get().to_host(letter->data.data(), part.address, part.bytes, part.stream);
    if (!result) result = Gpu::get().synchronize(part.stream);
    if (result) return fails(ncclUnhandledCudaError, "sending: error " + std::to_string(result));
    letters.push_back(letter);
  }
  return ncclSuccess;
}

// Everything that one communicator sends and receives in a group.
int exchange(std::unique_lock<std::mutex> &lock, const std::shared_ptr<ncclComm> &communicator, const std::vector<Part> &sends,
             std::vector<Part> receives) {
  int rank = communicator->rank, group = communicator->groups++;
  auto aborted = [&] { return communicator->aborted; };
  if (has(VNCCL_REFUSES, rank, group)) return fails(ncclSystemError, "a test wants " + name(rank) + " to fail");
  if (has(VNCCL_HANGS, rank, group)) changed.wait(lock, aborted);
  if (has(VNCCL_BREAKS, rank, group)) {
    communicator->error = ncclRemoteError;
    return ncclSuccess;
  }
  lock.unlock();
  std::vector<std::shared_ptr<Letter>> letters;
  int result = read(sends, letters);
  lock.lock();
  if (result) return result;
  if (!aborted())
    for (size_t i = 0; i < sends.size(); ++i) communicator->world->mail[{rank, sends[i].peer}].push_back(letters[i]);
  changed.notify_all();
  while (!aborted()) {
    bool moved = false;
    std::set<int> waiting;  // what comes from a rank is taken in order
    for (auto part = receives.begin(); part != receives.end();) {
      int taken = waiting.count(part->peer) ? -1 : take(*part, *communicator);
      if (taken > 0) return taken;
      moved |= taken == ncclSuccess;
      if (taken < 0) waiting.insert(part->peer);
      part = taken < 0 ? part + 1 : receives.erase(part);
    }
    bool left = true;
    for (auto &letter : letters) left &= letter->taken;
    if (receives.empty() && left) {
      ++groups_done;
      return ncclSuccess;
    }
    if (!moved) changed.wait(lock);
  }
  return fails(ncclInternalError, "the communicator of " + name(rank) + " was aborted");
}

int end_group() {
  std::unique_lock lock(mutex);
  int result = join(lock);
  auto all = std::move(parts);
  parts.clear();
  std::map<ncclComm *, std::pair<std::vector<Part>, std::vector<Part>>> by_communicator;
  for (const Part &part : all) {
    auto &[sends, receives] = by_communicator[part.handle];
    (part.sends ? sends : receives).push_back(part);
  }
  if (by_communicator.size() > 1) return fails(ncclInvalidUsage, "the stand-in takes one communicator in a group");
  for (auto &[handle, both] : by_communicator) {
    auto found = communicators.find(handle);
    if (found == communicators.end()) return fails(ncclInvalidArgument, "the communicator was given back");
    auto communicator = found->second;  // kept while it is in use, also if it is aborted
    if (!result) result = exchange(lock, communicator, both.first, both.second);
  }
  return result;
}

int add(Part part, int type) {
  {
    std::lock_guard lock(mutex);
    auto found = communicators.find(part.handle);
    if (found == communicators.end()) return fails(ncclInvalidArgument, "the communicator was given back");
    if (part.peer < 0 || part.peer >= found->second->world->size) return fails(ncclInvalidArgument, "there is no " + name(part.peer));
    if (type != ncclUint8) return fails(ncclInvalidArgument, "the stand-in moves bytes, not type " + std::to_string(type));
  }
  parts.push_back(part);
  return depth ? ncclSuccess : end_group();
}

int give_back(ncclComm *handle, bool abort) {
  std::lock_guard lock(mutex);
  auto found = communicators.find(handle);
  if (found == communicators.end()) return fails(ncclInvalidArgument, "the communicator was given back before");
  found->second->aborted = abort;
  communicators.erase(found);
  changed.notify_all();
  return ncclSuccess;
}

}  // namespace

API void duet_vnccl_fail(int rank, int what, int group) {
  std::lock_guard lock(mutex);
  failing_rank = rank;
  failure = what;
  failing_group = group;
  groups_done = 0;
}

API long duet_vnccl_groups(void) {
  std::lock_guard lock(mutex);
  return groups_done;
}

API int ncclGetVersion(int *version) {
  *version = 21300;
  return ncclSuccess;
}

API int ncclGetUniqueId(ncclUniqueId *id) {
  std::lock_guard lock(mutex);
  std::memset(id->internal, 0, sizeof id->internal);
  ++ids;
  std::memcpy(id->internal, &ids, sizeof ids);
  return ncclSuccess;
}

API int ncclCommInitRank(ncclComm_t *result, int ranks, ncclUniqueId id, int rank) {
  int device = 0;
  if (!Gpu::get().there || Gpu::get().device(&device)) return fails(ncclUnhandledCudaError, "there is no device of the virtual GPU");
  std::unique_lock lock(mutex);
  if (has(VNCCL_ABSENT, rank, 0)) return fails(ncclSystemError, "a test wants " + name(rank) + " to be absent");
  auto &world = worlds[std::string(id.internal, sizeof id.internal)];
  if (!world) world = std::make_shared<World>();
  if (world->size && world->size != ranks) return fails(ncclInvalidArgument, "ranks disagree about how many they are");
  if (rank < 0 || rank >= ranks || world->devices.count(rank)) return fails(ncclInvalidArgument, name(rank) + " is no new rank");
  world->size = ranks;
  for (auto &[other, used] : world->devices) world->refused |= used == device;
  world->devices[rank] = device;
  auto communicator = std::make_shared<ncclComm>();
  communicator->world = world;
  communicator->rank = rank;
  coming.push_back({result, communicator});
  changed.notify_all();
  return depth ? ncclSuccess : join(lock);
}

API int ncclCommDestroy(ncclComm_t communicator) { return give_back(communicator, false); }

API int ncclCommAbort(ncclComm_t communicator) { return give_back(communicator, true); }

API int ncclCommGetAsyncError(ncclComm_t communicator, int *error) {
  std::lock_guard lock(mutex);
  auto found = communicators.find(communicator);
  if (found == communicators.end()) return fails(ncclInvalidArgument, "the communicator was given back");
  *error = found->second->error;
  return ncclSuccess;
}

API const char *ncclGetErrorString(int result) {
  static const char *const texts[] = {"success",          "CUDA error",    "system error", "internal error",
                                      "invalid argument", "invalid usage", "remote error", "in progress"};
  return result >= 0 && result < 8 ? texts[result] : "unknown error";
}

API const char *ncclGetLastError(ncclComm_t) { return words.c_str(); }

API int ncclGroupStart(void) {
  ++depth;
  return ncclSuccess;
}

API int ncclGroupEnd(void) {
  if (!depth) return fails(ncclInvalidUsage, "no group has begun");
  return --depth ? ncclSuccess : end_group();
}

API int ncclSend(const void *data, size_t count, int type, int to, ncclComm_t communicator, void *stream) {
  return add({true, reinterpret_cast<uint64_t>(data), count, to, communicator, stream}, type);
}

API int ncclRecv(void *data, size_t count, int type, int from, ncclComm_t communicator, void *stream) {
  return add({false, reinterpret_cast<uint64_t>(data), count, from, communicator, stream}, type);
}
