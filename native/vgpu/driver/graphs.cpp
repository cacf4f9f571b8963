// Graphs. An executable graph holds copies of all arguments; a launch puts its nodes into the queue between two nodes of the stream,
// ordered among themselves by the graph's edges alone, so that a missing edge shows.
#include "state.h"

using namespace vgpu;

CUresult cuGraphInstantiateWithFlags(CUgraphExec *handle, CUgraph graph_handle, unsigned long long flags) {
  return entry_in_context("cuGraphInstantiateWithFlags", [&](Context &) {
    if (!handle || (flags & ~(1ull | 2 | 8))) return CUDA_ERROR_INVALID_VALUE;
    Driver &driver = Driver::get();
    auto graph = driver.graphs.find(graph_handle);
    if (!graph) return CUDA_ERROR_INVALID_HANDLE;
    auto exec = std::make_shared<GraphExec>();
    static uint32_t number = 0;
    exec->number = ++number;
    exec->context = graph->context;
    exec->nodes = graph->nodes;
    for (auto &node : exec->nodes)
      if (!exec->chains.count(node.lane)) exec->chains[node.lane] = driver.next_number();
    *handle = reinterpret_cast<CUgraphExec>(driver.execs.add(exec)->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream_handle) {
  return entry_in_context("cuGraphLaunch", [&](Context &context) -> CUresult {
    Driver &driver = Driver::get();
    auto exec = driver.execs.find(handle);
    if (!exec) return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, stream_handle, stream)) return result;
    if (CUresult result = not_captured(*stream)) return result;  // graphs within graphs are not modelled
    if (stream == stream->context->null_stream)
      if (CUresult result = implicit_use(*stream->context)) return result;
    std::vector<Context *> contexts;
    for (auto &node : exec->nodes) {
      contexts.push_back(driver.context(node.context));
      if (!contexts.back()) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
      if (contexts.back()->sticky) return contexts.back()->sticky;
    }

    std::string name = "graph " + std::to_string(exec->number);
    auto after = before(*stream);
    after.push_back(exec->last);
    auto begin = submit(*stream, std::monostate(), std::move(after), ("begin of " + name).c_str());
    std::vector<std::shared_ptr<Node>> nodes, ends{begin};
    std::vector<bool> followed(exec->nodes.size());
    for (size_t i = 0; i < exec->nodes.size(); ++i) {
      const GraphNode &from = exec->nodes[i];
      auto node = std::make_shared<Node>();
      node->chain = exec->chains[from.lane];
      node->lane = from.lane;
      node->context = contexts[i];
      node->who = std::make_shared<const std::string>(describe(from.work) + " in " + name + ", captured in " + from.lane_name);
      spoil_destination(from.work);
      node->work = from.work;
      std::vector<std::shared_ptr<Node>> needs{begin};
      for (size_t earlier : from.after) {
        needs.push_back(nodes[earlier]);
        followed[earlier] = true;
      }
      driver.scheduler.submit(node, needs);
      nodes.push_back(node);
    }
    for (size_t i = 0; i < nodes.size(); ++i)
      if (!followed[i]) ends.push_back(nodes[i]);
    exec->last = submit(*stream, std::monostate(), std::move(ends), ("end of " + name).c_str());
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphUpload(CUgraphExec handle, CUstream stream_handle) {
  return entry_in_context("cuGraphUpload", [&](Context &context) {
    if (!Driver::get().execs.find(handle)) return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, stream_handle, stream)) return result;
    return not_captured(*stream);
  });
}

CUresult cuGraphExecDestroy(CUgraphExec handle) {
  return entry_in_context("cuGraphExecDestroy", [&](Context &) {
    auto exec = Driver::get().execs.find(handle);
    if (!exec) return CUDA_ERROR_INVALID_HANDLE;
    Driver::get().execs.remove(exec->handle);  // a launch that is under way holds copies
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphDestroy(CUgraph handle) {
  return entry_in_context("cuGraphDestroy", [&](Context &) {
    auto graph = Driver::get().graphs.find(handle);
    if (!graph) return CUDA_ERROR_INVALID_HANDLE;
    Driver::get().graphs.remove(graph->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphGetNodes(CUgraph handle, CUgraphNode *nodes, size_t *count) {
  return entry_in_context("cuGraphGetNodes", [&](Context &) {
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    auto graph = Driver::get().graphs.find(handle);
    if (!graph) return CUDA_ERROR_INVALID_HANDLE;
    size_t all = graph->nodes.size();
    if (!nodes) {
      *count = all;
      return CUDA_SUCCESS;
    }
    for (size_t i = 0; i < *count; ++i) nodes[i] = i < all ? reinterpret_cast<CUgraphNode>(graph->nodes[i].handle) : nullptr;
    *count = std::min(*count, all);
    return CUDA_SUCCESS;
  });
}
