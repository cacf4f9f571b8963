// duet_mpi.h over the C interface of an MPI.
#include "duet_mpi.h"

#include <mpi.h>
#include <signal.h>

#include <climits>
#include <cstdlib>
#include <cstring>

namespace {

// Requests under way; places are used again. Without the C++ library, which would be most of this one.
MPI_Request *requests = nullptr;
std::size_t request_count = 0;

int number(const MPI_Request &request, int *result) {
  std::size_t place = 0;
  while (place < request_count && requests[place] != MPI_REQUEST_NULL) {
    ++place;
  }
  if (place == request_count) {
    void *more = std::realloc(requests, (request_count + 1) * sizeof(MPI_Request));
    if (more == nullptr) {
      return MPI_ERR_NO_MEM;
    }
    requests = static_cast<MPI_Request *>(more);
    ++request_count;
  }
  requests[place] = request;
  *result = static_cast<int>(place);
  return MPI_SUCCESS;
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
  return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
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
  int known = 0;
  const int error = MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &known);
  return error == MPI_SUCCESS && known != 0 ? *static_cast<int *>(value) : 32767;  // what the standard promises
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
  if (request < 0 || static_cast<std::size_t>(request) >= request_count) {
    return MPI_ERR_REQUEST;
  }
  return MPI_Test(&requests[static_cast<std::size_t>(request)], done, MPI_STATUS_IGNORE);  // one that is over becomes MPI_REQUEST_NULL
}

int duet_mpi_progress(void) noexcept {
  int there = 0;
  return MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
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
