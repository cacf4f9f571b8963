#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vgpu {

enum class TokenKind { word, number, text, symbol, end };

struct Token {
  TokenKind kind;
  std::string_view text;  // of the source, which must outlive the tokens
  int line;
  uint64_t bits = 0;                   // of a number: an integer, or the bits of a float
  bool single = false, twice = false;  // 0f... and 0d...
};

// Words hold letters, digits and _ $ % . :: so that "ld.global.L2::128B.f32", "%tid.x" and ".loc" are one token each.
std::vector<Token> tokens(const std::string &ptx);

}  // namespace vgpu
