// A PTX module after parsing: functions as flat lists of statements with registers numbered and calls inlined.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vgpu {

enum class Space : uint8_t { none, global, constant, shared, local, param };

// Generic addresses of the spaces that are not plain memory: the space in bits 56 and up, where no pointer has any.
constexpr uint64_t kSharedWindow = uint64_t(1) << 56, kLocalWindow = uint64_t(2) << 56, kParamWindow = uint64_t(3) << 56;
constexpr uint64_t kFunctionWindow = uint64_t(4) << 56;  // what the addresses of functions look like

enum class OperandKind : uint8_t { reg, number, symbol, special, vector, address, sink };

struct Operand {
  OperandKind kind = OperandKind::sink;
  int reg = -1;          // of a register, or of an address with a register
  bool negated = false;  // !p
  uint64_t bits = 0;     // number; offset of an address or symbol
  bool single = false, twice = false;
  Space space = Space::none;   // of a symbol (or address of one)
  uint64_t place = 0;          // its offset in its space, or its device address
  std::string name;            // symbol or special register
  std::vector<Operand> parts;  // of a vector
  int second = -1;             // p|q: the second destination's register
  bool has_second = false;
};

struct Statement {
  int line = 0;
  int source = 0;      // index into the function's sources
  std::string opcode;  // base, such as "ld"
  std::vector<std::string> modifiers;
  std::string form;  // whole, for messages
  int guard = -1;
  bool guard_negated = false;
  std::vector<Operand> operands;
  int target = -1;  // statement that a branch goes to
};

struct SourceLine {
  int file = 0, line = 0;
};

struct Parameter {
  std::string name;
  size_t offset, bytes;
};

struct Function {
  std::string name;
  int line = 0;
  std::vector<Parameter> parameters;
  size_t parameter_bytes = 0;
  std::vector<uint8_t> widths;  // of each register: 1, 8, 16, 32, 64
  std::vector<Statement> statements;
  std::vector<SourceLine> sources{1};
  size_t shared_bytes = 0;  // static
  size_t local_bytes = 0;   // of a thread
  size_t max_threads = 1024;
};

struct Variable {
  std::string name;
  Space space;
  size_t align = 1, bytes = 0;
  bool external = false;         // extern .shared: starts after the static part
  std::vector<uint8_t> initial;  // empty: zeros
  uint64_t address = 0;          // filled by the loader for global and constant
};

struct Error {
  int line;
  std::string text;
};

struct Program {
  std::map<std::string, Variable> variables;
  std::vector<Function> kernels;
  std::map<int, std::string> files;
  std::vector<Error> errors;
};

// place_variable is called once for each .global and .const variable and sets its address.
Program parse(const std::string &ptx, void (*place_variable)(Variable &, void *), void *context);

}  // namespace vgpu
