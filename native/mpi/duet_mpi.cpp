// duet_mpi.h over the C interface of an MPI.
#include "duet_mpi.h"

#include <mpi.h>
#include <signal.h>

#include <climits>
#include <cstdlib>
#include <cstring>

namespace {

// Requests under way, and of each place what is known of it; places are used again. Without the C++ library, which would be most of this
// one.
enum class State : char { free, open, over };
struct Known {
  State state;
  int error;  // of a request that is over
};
MPI_Request *requests = nullptr;
Known *known = nullptr;
// For MPI_Testsome.
int *ended = nullptr;
MPI_Status *statuses = nullptr;
int request_count = 0;

template <typename T> bool grow(T *&array, std::size_t count) {
  void *more = std::realloc(array, count * sizeof(T));
  if (more != nullptr) {
    array = static_cast<T *>(more);
  }
  return more != nullptr;
}

int number(const MPI_Request &request, int *result) {
  int place = 0;
  while (place < request_count && known[place].state != State::free) {
    ++place;
  }
  if (place == request_count) {
    const std::size_t count = static_cast<std::size_t>(request_count) + 1;
    if (!grow(requests, count) || !grow(known, count) || !grow(ended, count) || !grow(statuses, count)) {
      return MPI_ERR_NO_MEM;
    }
    ++request_count;
  }
  requests[place] = request;
  known[place] = {State::open, MPI_SUCCESS};
  *result = place;
  return MPI_SUCCESS;
}

// After MPI_Testsome has failed: what has become of each, if the statuses say so; else all that is open ends with the error.
int end_with(int error, int count) {
  int kind = MPI_ERR_OTHER;
  MPI_Error_class(error, &kind);
  if (kind == MPI_ERR_IN_STATUS) {
    for (int i = 0; i < count; ++i) {
      const int own = statuses[i].MPI_ERROR;
      // Open MPI may leave a number of its own there, which it has no words for.
      known[ended[i]] = {State::over, MPI_Error_class(own, &kind) == MPI_SUCCESS ? own : MPI_ERR_OTHER};
    }
    return MPI_SUCCESS;
  }
  for (int i = 0; i < request_count; ++i) {
    if (known[i].state == State::open) {
      known[i] = {State::over, error};
    }
  }
  return error;
}

// Starts a request of so many bytes with MPI's function and numbers it.
template <typename Function> int start(int64_t bytes, int *request, Function function) {
  if (bytes < 0 || bytes > INT_MAX) {
    return MPI_ERR_COUNT;
  }
  MPI_Request started;
  const int error = function(static_cast<int>(bytes), &started);
  return error == MPI_SUCCESS ? number(started, request) : error;
}

}  // namespace

int duet_mpi_abi(void) noexcept { return DUET_MPI_ABI; }

int duet_mpi_start(void) noexcept {
  struct sigaction before = {};
  struct sigaction after = {};
  sigaction(SIGSEGV, nullptr, &before);
  int granted = 0;
  const int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &granted);
  if (error != MPI_SUCCESS) {
    return error;
  }
  sigaction(SIGSEGV, nullptr, &after);
  if (before.sa_sigaction != after.sa_sigaction) {
    return DUET_MPI_SIGNALS;
  }
  const int kept = MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);  // of calls about several requests, in some libraries
  return kept == MPI_SUCCESS ? MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) : kept;
}

int duet_mpi_end(void) noexcept { return MPI_Finalize(); }

void duet_mpi_abort(int code) noexcept { MPI_Abort(MPI_COMM_WORLD, code); }

const char *duet_mpi_library(void) noexcept {
  static char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) {
    text[0] = '\0';
  }
  return text;
}

const char *duet_mpi_host(void) noexcept {
  static char text[MPI_MAX_PROCESSOR_NAME];
  int length = 0;
  if (MPI_Get_processor_name(text, &length) != MPI_SUCCESS) {
    text[0] = '\0';
  }
  return text;
}

int duet_mpi_rank(void) noexcept {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

int duet_mpi_size(void) noexcept {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

int duet_mpi_largest_tag(void) noexcept {
  void *value = nullptr;
  int there = 0;
  const int error = MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &there);
  return error == MPI_SUCCESS && there != 0 ? *static_cast<int *>(value) : 32767;  // what the standard promises
}

int duet_mpi_send(const void *data, int64_t bytes, int to, int tag, int *request) noexcept {
  return start(bytes, request,
               [=](int count, MPI_Request *started) { return MPI_Isend(data, count, MPI_BYTE, to, tag, MPI_COMM_WORLD, started); });
}

int duet_mpi_receive(void *data, int64_t bytes, int from, int tag, int *request) noexcept {
  return start(bytes, request,
               [=](int count, MPI_Request *started) { return MPI_Irecv(data, count, MPI_BYTE, from, tag, MPI_COMM_WORLD, started); });
}

int duet_mpi_broadcast(void *data, int64_t bytes, int root, int *request) noexcept {
  return start(bytes, request,
               [=](int count, MPI_Request *started) { return MPI_Ibcast(data, count, MPI_BYTE, root, MPI_COMM_WORLD, started); });
}

int duet_mpi_test(int request, int *done) noexcept {
  if (request < 0 || request >= request_count || known[request].state == State::free) {
    return MPI_ERR_REQUEST;
  }
  Known &one = known[request];
  *done = one.state == State::over ? 1 : 0;
  if (one.state == State::over) {
    one.state = State::free;
  }
  return one.error;
}

int duet_mpi_progress(void) noexcept {
  int count = request_count > 0 ? 0 : MPI_UNDEFINED;  // undefined: nothing is open
  int error = MPI_SUCCESS;
  // Open MPI moves what is under way and then does not look again whether something is over.
  for (int look = 0; look < 2 && count == 0 && error == MPI_SUCCESS; ++look) {
    error = MPI_Testsome(request_count, requests, &count, ended, statuses);
  }
  if (error != MPI_SUCCESS) {
    return end_with(error, count);
  }
  if (count == MPI_UNDEFINED) {
    int there = 0;  // what was sent may not have left yet
    return MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
  }
  for (int i = 0; i < count; ++i) {
    known[ended[i]] = {State::over, MPI_SUCCESS};
  }
  return MPI_SUCCESS;
}

const char *duet_mpi_error(int error) noexcept {
  static char text[MPI_MAX_ERROR_STRING];
  if (error == DUET_MPI_SIGNALS) {
    std::strcpy(text, "the library handles SIGSEGV in place of Java");
    return text;
  }
  int length = 0;
  if (MPI_Error_string(error, text, &length) != MPI_SUCCESS) {
    std::strcpy(text, "an unknown error");
  }
  return text;
}
